"""What waits in a spool."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def waiting(path: Path) -> dict[str, int]:
    """Return how many attempts wait, by kind."""
    found: dict[str, int] = {}
    for file in sorted(path.glob("*-*")):
        _, _, kind, _, attempts, _ = file.name.split("-")
        found[kind] = found.get(kind, 0) + int(attempts)
    return found
