"""Files with places to fill: ``@NAME@``."""

from __future__ import annotations

from pathlib import Path


def fill(name: str, parts: dict[str, str]) -> str:
    """Return a template of this folder with its places filled."""
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    for place, part in parts.items():
        text = text.replace(f"@{place}@", part)
    return text
