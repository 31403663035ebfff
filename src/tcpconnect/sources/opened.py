"""Recordings as one source: files that are open, or stdin, one after the other."""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, NoReturn

from msgspec.structs import replace

from tcpconnect import messages, recorded_messages
from tcpconnect.batch import NO_LOSSES
from tcpconnect.errors import TcpconnectError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from typing_extensions import Self

    from tcpconnect.batch import Batch
    from tcpconnect.recorded import About
    from tcpconnect.sources.recording import Recording

STDIN = "-"
# What other files begin with: what they are, and what reads them.
OTHERS = {
    b"SQLite format 3\0": (
        "it is a database",
        "tcpconnect history reads those of record",
    ),
}
HEAD_BYTES = 16


def name_of(file: str) -> str:
    """Return what messages call a file."""
    return "stdin" if file == STDIN else repr(file)


def open_recording(file: str) -> Recording:
    """Open a recording, or what comes from stdin. Raises TcpconnectError."""
    from tcpconnect.sources.recording import Recording  # takes milliseconds

    name = name_of(file)
    if file == STDIN:
        return Recording(0, name)
    try:
        fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        message = messages.CANT_READ_FILE
        raise TcpconnectError(message, name=name, reason=reason) from error
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        _refuse_others(os.pread(fd, HEAD_BYTES, 0), name)
    elif stat.S_ISDIR(mode):
        _refuse(name, "it is a directory")
    return Recording(fd, name)


def _refuse_others(head: bytes, name: str) -> None:
    if not head:
        _refuse(name, "it is empty")
    if head in OTHERS:
        _refuse(name, *OTHERS[head])


def _refuse(name: str, reason: str, remedy: str = "") -> NoReturn:
    message = recorded_messages.NOT_A_RECORDING
    raise TcpconnectError(message, name=name, reason=reason, remedy=remedy)


class Recordings:
    """A source of several recordings, which are open: they are read in their order."""

    def __init__(self, files: Sequence[str]) -> None:
        self._stack = ExitStack()
        self._stopped = False
        self.current: Recording | None = None
        self.losses = NO_LOSSES  # so far
        with ExitStack() as opened:
            self._every = [self._open(file, opened) for file in files]
            self._stack = opened.pop_all()

    @staticmethod
    def _open(file: str, opened: ExitStack) -> Recording:
        recording = opened.enter_context(open_recording(file))
        if file != STDIN:
            opened.callback(os.close, recording.fd)
        return recording

    @property
    def whole(self) -> bool:
        """Whether all are files, so that their end comes soon."""
        return all(recording.whole for recording in self._every)

    @property
    def about(self) -> About | None:
        """What made the one that is read."""
        return self.current.about if self.current else None

    @property
    def share(self) -> float:
        """How much of all files was read, 0 to 1."""
        return sum(each.share for each in self._every) / len(self._every)

    def refuse(self, stdout: int, paths: Iterable[str]) -> None:
        """Raise UsageError where one of them is to be written, too."""
        status = os.fstat(stdout)
        if stat.S_ISREG(status.st_mode) and self._reads(status):
            raise UsageError(recorded_messages.READ_AND_WRITTEN, name="stdout")
        for path in paths:
            with suppress(OSError):  # there is no such file
                if self._reads(os.stat(path)):
                    message = recorded_messages.READ_AND_WRITTEN
                    raise UsageError(message, name=repr(path))

    def _reads(self, status: os.stat_result) -> bool:
        return any(
            os.path.samestat(status, os.fstat(recording.fd))
            for recording in self._every
        )

    def batches(self) -> Iterator[Batch]:
        """Yield the batches of all. Raises TcpconnectError."""
        for recording in self._every:
            if self._stopped:
                break
            self.current, before = recording, self.losses
            for batch in recording.batches():
                self.losses = before + batch.losses
                yield replace(batch, losses=self.losses)

    def stop(self) -> None:
        """End the batches soon; may be called from a signal handler or thread."""
        self._stopped = True
        for recording in self._every:
            recording.stop()

    def stop_with(self, fd: int) -> None:
        """Stop when the other end of ``fd``, an output, has been closed."""
        for recording in self._every:
            recording.stop_with(fd)

    def close(self) -> None:
        """Close all."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
