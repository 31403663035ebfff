"""Files of container runtimes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write(root: Path, path: str, content: str) -> None:
    """Write a file below ``root``."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, errors="surrogateescape")


NO_UTF8 = '{"Name": "\udcff", "names": ["\udcff"], "annotations": {"\udcff": "web"}}'
DAMAGED = ["", "{", "[]", "{}", '{"Name": 1}', "null", "\0", NO_UTF8, f"[{NO_UTF8}]"]
