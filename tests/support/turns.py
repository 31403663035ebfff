"""Whose turn it is when processes run tests in parallel: most at once, some alone."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Turn:
    """A process's turn at something, among those that were given the same folder."""

    def __init__(self, folder: Path, name: str) -> None:
        flags = os.O_RDWR | os.O_CREAT
        self._gate = os.open(folder / f"{name}-gate", flags)
        self._room = os.open(folder / f"{name}-room", flags)
        self._is_ours = False

    def take(self, *, alone: bool) -> None:
        """Wait for it. Who waits to be alone keeps others from going in before."""
        if self._is_ours:  # it was kept for a test of the same kind
            return
        fcntl.flock(self._gate, fcntl.LOCK_EX)
        fcntl.flock(self._room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        self._is_ours = True
        if not alone:
            fcntl.flock(self._gate, fcntl.LOCK_UN)

    def give_back(self) -> None:
        """Let others have it."""
        for lock in (self._room, self._gate):
            fcntl.flock(lock, fcntl.LOCK_UN)
        self._is_ours = False
