"""Text: lines of a format, with one write for each batch."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from tcpconnect import messages
from tcpconnect.color import is_colored
from tcpconnect.formats import open_format
from tcpconnect.formats.rows import Rows
from tcpconnect.output import name_of, open_file, say, write
from tcpconnect.terminal import width_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tcpconnect.batch import Batch, Totals
    from tcpconnect.outputs.again import File
    from tcpconnect.view import Display

REOPEN, ROTATE = b"o", b"r"  # what again.py is asked for


class Text:
    """Lines for people or programs, in a file or on an open descriptor.

    Flows come at the end, together with their header. Unless it is ``wide``, the lines
    of a table fit the terminal that they are written to. Unless it is ``quiet``, a
    notice names columns that are left out for that.
    """

    dropped = 0
    needed_capabilities: frozenset[str] = frozenset()

    def __init__(
        self,
        target: int | str,
        display: Display,
        color: str = "never",
        *,
        wide: bool = True,
        quiet: bool = True,
    ) -> None:
        self.fd = target if isinstance(target, int) else -1
        self.name = name_of(target)
        self._target = target
        self._display = display
        self._color = color
        self._wide, self._quiet = wide, quiet
        self._left_out = set[str]()  # the columns that a notice has named
        self._began = self._wrote = self._moved = False
        self.file: File | None = None  # of a regular file, once it is open

    def open(self) -> None:
        """Open the file, and import the format. Raises OutputError."""
        if isinstance(self._target, str):
            self.fd = open_file(self._target)
        display = self._display
        colored = is_colored(self._color, self.fd)
        width = None if self._wide else width_of(self.fd)
        self._format = open_format(
            display.format, display.columns, colored=colored, width=width
        )
        self._text: Callable[[list[Any]], bytes] = self._format.rows
        if display.histogram:
            from tcpconnect.formats.histogram import draw

            self._draw = draw

    @property
    def rows(self) -> Rows | None:
        """The format, if it takes rows of its own instead of structs."""
        return self._format if isinstance(self._format, Rows) else None

    def take_rows(self) -> None:
        """Take rows as events from now on."""
        if self.rows:
            self._text = self.rows.text

    def write(self, batch: Batch) -> None:
        """Write the lines of a batch; before the first ones, the header."""
        if self.file:
            self._look_at_file(self.file)
        self._wrote = True
        lines = self._lines(batch)
        if lines or not self._display.count:
            self._write(lines)
        if self.file:
            self._change_file(self.file)

    @property
    def has_file(self) -> bool:
        """Whether it writes to a file that may be moved."""
        return self.file is not None

    def reopen(self) -> None:
        """Have the file opened again with the next batch, if it was moved."""
        self._moved = True

    def _look_at_file(self, file: File) -> None:
        """Begin again where another program has truncated the file."""
        if self._began and file.is_empty(self.fd):
            self._begin_again()

    def _begin_again(self) -> None:
        self._end_of_file()  # nobody reads it
        self._began = False

    def _change_file(self, file: File) -> None:
        """Begin another file where this one was moved, or is full."""
        if self._moved:
            self._moved = False
            self._next_file(file, REOPEN)
        elif file.is_full(self.fd):
            self._next_file(file, ROTATE)

    def _next_file(self, file: File, order: bytes) -> None:
        """End this file, and begin another one on the same descriptor."""
        new = file.again(self.fd, order)
        if new is None:
            return
        self._write(self._end_of_file())
        self._finish()
        os.dup2(new, self.fd, inheritable=False)
        os.close(new)
        self._began = False

    def close(self, totals: Totals) -> None:
        """Write what follows all lines, and close the file."""
        try:
            if self._wrote:
                if self.file:
                    self._look_at_file(self.file)
                self._write(self._end(totals))
                self._finish()
        finally:
            if isinstance(self._target, str):
                os.close(self.fd)
            if self.file:
                self.file.close()

    def _write(self, lines: bytes) -> None:
        if not self._began:
            self._began = True
            lines = self._head() + lines
        if self._format.left_out and not self._quiet:
            self._say_left_out()
        if lines:
            self._put(lines)

    def _put(self, data: bytes) -> None:
        if data:
            write(self.fd, data, self.name)

    def _finish(self) -> None:
        """Write what was held back."""

    def _say_left_out(self) -> None:
        """Name the columns that are left out now, each once."""
        names = [n for n in self._format.left_out if n not in self._left_out]
        if names:
            self._left_out.update(names)
            say(messages.NO_ROOM.line(names=", ".join(names)))

    def _head(self) -> bytes:
        return self._format.header()

    def _lines(self, batch: Batch) -> bytes:
        return self._text(batch.events) if batch.events else b""

    def _end_of_file(self) -> bytes:
        """Return what a file has last that another one follows."""
        return b""

    def _end(self, totals: Totals) -> bytes:
        if self._display.histogram:
            return self._draw(totals.histogram, "usecs")
        return b""
