"""File descriptors for an object: whether there are enough of them."""

from __future__ import annotations

import os

MOST_DESCRIPTORS = 48  # of an object: its maps and programs


def require_descriptors() -> None:
    """Raise OSError if there are too few: libbpf would give another reason."""
    opened: list[int] = []
    try:
        while len(opened) < MOST_DESCRIPTORS:
            opened.append(os.open("/", os.O_PATH | os.O_CLOEXEC))
    finally:
        for fd in opened:
            os.close(fd)
