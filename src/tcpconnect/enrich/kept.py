"""What a file says: read once, and again when the file has changed."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MAX_FILES = 8192
# Until then it may change once more with the same time: the kernel's clock for files
# has ticks of 10 ms at most.
YOUNG_NS = 50_000_000


class Kept(Generic[T]):
    """What ``read`` makes of the file, or of the directory, that a path leads to."""

    def __init__(self, read: Callable[[str], T]) -> None:
        self._read = read
        self._known: dict[str, tuple[tuple[int, ...], T]] = {}

    def get(self, path: str) -> T:
        """Return what it says. Raises OSError where there is none, or as ``read``."""
        status = os.stat(path, follow_symlinks=False)
        version = (
            *(status.st_dev, status.st_ino, status.st_size),
            *(status.st_mtime_ns, status.st_ctime_ns),
        )
        known = self._known.get(path)
        if known and known[0] == version:
            return known[1]
        found = self._read(path)
        self._known.pop(path, None)
        if time.time_ns() - status.st_mtime_ns > YOUNG_NS:
            if len(self._known) >= MAX_FILES:
                self._known.clear()
            self._known[path] = version, found
        return found
