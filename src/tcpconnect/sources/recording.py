"""A recording as a source: its events, losses and warnings, without root.

It reads what ``outputs/recording.py`` writes, and lines of ``-j``, too, where the
destination is among the columns. Anyone may have made it: lines are bounded, values
checked, and texts made harmless.
"""

from __future__ import annotations

import os
import select
import stat
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from tcpconnect import loss_messages, messages
from tcpconnect.batch import NO_LOSSES, Batch, Losses
from tcpconnect.errors import TcpconnectError, UsageError
from tcpconnect.output import harmless
from tcpconnect.recorded import SCHEMA
from tcpconnect.sources.rows import DECODER, DESTINATION, is_plain, read, read_plain
from tcpconnect.zstd import MAGIC, Unpacker, library

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

    from tcpconnect.connection import Connection
    from tcpconnect.errors import Line
    from tcpconnect.recorded import About

READ_BYTES = 256 << 10
MAX_LINE = 1 << 20  # bytes
IDLE_MS = 1000
# What decoding raises: msgspec's errors are kinds of the first one.
WRONG = (ValueError, RecursionError)


def _losses(lost: dict[str, int]) -> Losses:
    """Return the losses that this version knows."""
    return Losses(**{n: lost[n] for n in Losses.__struct_fields__ if n in lost})


class Recording:
    """A source of what was recorded, from a descriptor, which it does not close.

    ``name`` is what errors call it; ``about`` what made it, once that is known.
    """

    def __init__(self, fd: int, name: str) -> None:
        self.about: About | None = None
        self.fd = fd
        self._name = name
        self._losses = NO_LOSSES
        self._lines = 0  # that were read
        self._ended = True  # whether nothing more has to come
        self._stopped = False
        self._unpacker: Unpacker | None = None
        head = b""
        if self.whole:
            head = os.pread(fd, len(MAGIC), os.lseek(fd, 0, os.SEEK_CUR))
        else:
            with suppress(UsageError):  # what comes may need it
                library()
        self._look(head)
        self._wake, self._waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._ready = select.poll()
        self._ready.register(self._wake, select.POLLIN)
        self._ready.register(fd, select.POLLIN)

    def _look(self, head: bytes) -> None:
        """Take what begins so for compressed, if it is."""
        if head.startswith(MAGIC):
            self._unpacker = Unpacker()

    @property
    def whole(self) -> bool:
        """Whether it is a file, so that its end comes soon."""
        return stat.S_ISREG(os.fstat(self.fd).st_mode)

    @property
    def share(self) -> float:
        """How much of a file was read, 0 to 1."""
        size = os.fstat(self.fd).st_size if self.whole else 0
        return os.lseek(self.fd, 0, os.SEEK_CUR) / size if size else 0.0

    def stop_with(self, fd: int) -> None:
        """Stop when the other end of ``fd``, an output, has been closed."""
        self._ready.register(fd, 0)

    def batches(self) -> Iterator[Batch]:
        """Yield what was recorded, as it can be read; without any, once a second.

        Raises TcpconnectError.
        """
        yield self._batch([], [])
        left = b""
        for data in self._texts():
            if data is None:
                yield self._batch([], [])
                continue
            lines, newline, left = (left + data).rpartition(b"\n")
            if len(left) > MAX_LINE:
                raise self._error(self._lines + 1, "the line is too long")
            if newline:
                yield self._decoded(lines)
        if not (self._lines or self._stopped) and (left or self._unpacker):
            short = self._error(1, "it ends before its first line does")
            raise self._first_wrong(left) if left else short
        if left:
            yield self._batch([], [loss_messages.CUT_RECORDING.line(name=self._name)])
        elif not (self._ended or self._stopped):
            yield self._batch(
                [], [loss_messages.UNENDED_RECORDING.line(name=self._name)]
            )

    def _texts(self) -> Iterator[bytes | None]:
        """Yield pieces of the lines; None when nothing comes for a while."""
        first = not self.whole
        while (data := self._next()) != b"":
            if data is None:
                yield None
                continue
            if first:
                first = False
                self._look(data)
            try:
                yield from self._unpacker.pieces(data) if self._unpacker else [data]
            except ValueError as error:
                raise self._error(self._lines + 1, harmless(str(error))) from error

    def stop(self) -> None:
        """End the batches soon; may be called from a signal handler or thread."""
        self._stopped = True
        if self._waker >= 0:
            os.write(self._waker, b"\0")

    def close(self) -> None:
        """Close the descriptor that stop() writes to."""
        waker, self._waker = self._waker, -1
        if waker >= 0:
            os.close(waker)
            os.close(self._wake)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _next(self) -> bytes | None:
        """Return what can be read; nothing at the end, or when it has been stopped.

        Returns None when nothing comes for a while.
        """
        found = self._ready.poll(IDLE_MS)
        if not found:
            return None
        if any(fd != self.fd for fd, _ in found):
            self._stopped = True  # or an output was closed: nothing is missing
            return b""
        try:
            return os.read(self.fd, READ_BYTES)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            message, name = messages.CANT_READ_FILE, self._name
            raise TcpconnectError(message, name=name, reason=reason) from error

    def _decoded(self, lines: bytes) -> Batch:
        try:
            rows = DECODER.decode_lines(lines)
            made = read_plain if is_plain(lines) else read
            connections = made([row for row in rows if row.daddr is not UNSET])
        except WRONG:
            raise self._first_wrong(lines) from None
        warnings: list[Line] = []
        if len(connections) < len(rows):
            for number, row in enumerate(rows, self._lines + 1):
                if row.daddr is UNSET:
                    warnings += self._take(row, number)
        self._lines += lines.count(b"\n") + 1
        return self._batch(connections, warnings)

    def _take(self, row: Any, number: int) -> Iterator[Line]:
        """Handle a line other than an event; yield its warnings."""
        if row.tcpconnect is not UNSET:
            self.about, self._ended = row.tcpconnect, False
            if self.about.schema > SCHEMA:
                version = harmless(self.about.version)
                reason = f"it was recorded by tcpconnect {version}, which is newer"
                raise self._error(number, reason)
        elif row.lost is not UNSET:
            self._losses += _losses(row.lost)
            for name in row.lost.keys() - set(Losses.__struct_fields__):
                yield loss_messages.UNKNOWN_LOSS.line(
                    n=row.lost[name], name=harmless(name)
                )
        elif row.warning is not UNSET:
            yield loss_messages.RECORDED.line(text=harmless(row.warning))
        elif row.total is not UNSET:
            self._ended = True
            self._losses = self._losses.at_least(_losses(row.total.lost))
            if row.total.dropped:
                message = loss_messages.RECORDED_DROPS
                yield message.line(n=row.total.dropped, name=self._name)
        else:
            raise self._error(number, f"it has no {DESTINATION}")

    def _first_wrong(self, lines: bytes) -> TcpconnectError:
        """Return an error about the first line that can't be decoded."""
        for number, line in enumerate(lines.split(b"\n"), self._lines + 1):
            try:
                if line.strip():
                    read([DECODER.decode(line)])
            except WRONG as error:
                return self._error(number, harmless(str(error)))
        return self._error(self._lines + 1, "it is not a line of JSON")

    def _error(self, line: int, reason: str) -> TcpconnectError:
        message, name = messages.INVALID_RECORDING, self._name
        return TcpconnectError(message, name=name, line=line, reason=reason)

    def _batch(self, events: list[Connection], warnings: list[Line]) -> Batch:
        return Batch(events, self._losses, warnings, time.time())
