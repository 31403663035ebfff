"""write_page(): a page made a file, all of it or nothing."""

from __future__ import annotations

import os
import signal
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from tcpconnect import report_messages
from tcpconnect.errors import UsageError
from tcpconnect.output import STDOUT, STDOUT_NAME, open_file, unwritable, write

if TYPE_CHECKING:
    from collections.abc import Iterator

# What SQLite keeps beside a file.
BESIDE = ("", "-wal", "-shm", "-journal")
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
ENDING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def check_target(path: str | None, history: str) -> None:
    """Raise UsageError for where no page may go: a terminal, the history itself."""
    if path is None:
        if os.isatty(STDOUT):
            raise UsageError(report_messages.NO_FILE_NAMED)
        return
    try:
        file = os.stat(path)
    except OSError:
        return  # there is none, or what opens it says why not
    for beside in BESIDE:
        with suppress(OSError):
            if os.path.samestat(file, os.stat(history + beside)):
                raise UsageError(report_messages.OVER_HISTORY, path=path)


def write_page(path: str | None, page: str) -> None:
    """Write to a file, or to stdout. Raises OutputError, and ReaderGoneError.

    A file is replaced when the new one is whole, and keeps its mode.
    """
    data = page.encode()
    if path is None or path == STDOUT_NAME:
        write(STDOUT, data)
        return
    try:
        there = os.lstat(path)
    except OSError:
        there = None
    if there and not stat.S_ISREG(there.st_mode):
        fd = open_file(path)  # a pipe, a device; it says why not a link
        try:
            write(fd, data, repr(path))
        finally:
            os.close(fd)
        return
    with _unended():
        _replace(path, data, there)


def _replace(path: str, data: bytes, there: os.stat_result | None) -> None:
    new = f"{path}.{os.getpid()}.new"
    try:
        fd = os.open(new, NEW, 0o600)
    except OSError as error:
        raise unwritable(path, os.strerror(error.errno or 0)) from error
    try:
        with open(fd, "wb") as file:
            file.write(data)
            file.flush()
            if there:
                os.fchmod(fd, stat.S_IMODE(there.st_mode))
            os.fsync(fd)
        os.rename(new, path)
    except OSError as error:
        with suppress(OSError):
            os.unlink(new)
        raise unwritable(path, os.strerror(error.errno or 0)) from error


@contextmanager
def _unended() -> Iterator[None]:
    """Let no signal end this process meanwhile: half a file would be left."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
