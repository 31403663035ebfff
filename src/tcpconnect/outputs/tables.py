"""Tables: the rows of -c, once at the end, or again and again."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from tcpconnect.outputs.text import Text

if TYPE_CHECKING:
    from tcpconnect.batch import Batch

CLEAR = b"\x1b[H\x1b[2J"  # ECMA-48: to the first line, and erase all


class Tables(Text):
    """Rows in a file or on an open descriptor.

    With an interval, each table has the time above it and an empty line below it; other
    formats have the time in each row.
    """

    def write(self, batch: Batch) -> None:
        """Write a table, when it is complete."""
        if not self._display.interval:
            super().write(batch)
            return
        if batch.still_open is not None:
            if self.file:
                self._look_at_file(self.file)
            self._wrote = True
            self._write(self._lines(batch))
        if self.file:
            self._change_file(self.file)

    def _head(self) -> bytes:
        return b"" if self._is_repeated else super()._head()

    def _lines(self, batch: Batch) -> bytes:
        rows = super()._lines(batch)
        if self._display.format != "table":
            return rows
        rest = "row" if batch.more == 1 else "rows"
        more = f"[{batch.more} more {rest}]\n".encode() if batch.more else b""
        if not self._is_repeated:
            return rows + more
        now = time.strftime("[%H:%M:%S]\n", time.localtime(batch.now)).encode()
        clears = self._display.clear and os.isatty(self.fd)
        head = (CLEAR if clears else b"") + now + self._format.header()
        return head + rows + more + b"\n"

    @property
    def _is_repeated(self) -> bool:
        display = self._display
        return display.interval and display.format == "table"
