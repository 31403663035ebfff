"""Reads what a machine's /init says on its serial console."""

from __future__ import annotations

import base64
import contextlib
import gzip
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MARK = "@vm "


class Console:
    """Takes the console's lines one by one, and stores what they say.

    ``up_s``: how long the kernel and /init took, None before; ``exit_status``: that of
    the script, None before its end; ``out``: the files that the script left in /vm/out.
    ``show`` is called with each line that the script prints.
    """

    def __init__(self, show: Callable[[str], None]) -> None:
        self.up_s: float | None = None
        self.exit_status: int | None = None
        self.out: dict[str, bytes] = {}
        self._show = show
        self._file = ""
        self._encoded: list[str] = []

    def read(self, line: str) -> None:
        """Take one line."""
        # Of what was written over itself, the last counts.
        line = line.rstrip().rpartition("\r")[2]
        text, mark, message = line.partition(MARK)
        if self._file and not mark:
            self._encoded.append(text)
        elif self._running and (text or not mark):
            self._show(text)
        if mark:
            # What the kernel adds to the line comes after the semicolon.
            what, _, value = message.partition(";")[0].partition(" ")
            self._take(what, value)

    @property
    def _running(self) -> bool:
        return self.up_s is not None and self.exit_status is None

    def _take(self, what: str, value: str) -> None:
        if what == "ready":
            self.up_s = float(value)
        elif what == "file":
            self._file = value
        elif what == "end":
            # One that the kernel wrote into is as good as none.
            with contextlib.suppress(ValueError, EOFError, OSError, zlib.error):
                packed = base64.b64decode("".join(self._encoded), validate=True)
                self.out[self._file] = gzip.decompress(packed)
            self._file, self._encoded = "", []
        elif what == "exit":
            self.exit_status = int(value)
