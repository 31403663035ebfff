"""Claim: the file that a recorder has for itself, and what others did to it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
from contextlib import closing, suppress

from tcpconnect import store_messages
from tcpconnect.errors import OutputError, TcpconnectError
from tcpconnect.history.file import open_for_reading
from tcpconnect.output import NO_FILE, unwritable

BESIDE = ("-wal", "-shm", "-journal")  # what SQLite has beside the file
CUT = ".cut"  # a suffix for what is left of a file that somebody cut
ANOTHER = "another process"


class Claim:
    """A file, made where there is none, that no other recorder may have.

    A link is never followed: in a directory that others can write to, it may lead
    anywhere. SQLite's locks on the file end when any descriptor of it is closed: close
    this one last. Raises OutputError.
    """

    def __init__(self, path: str, mode: int) -> None:
        self._path = path
        self.is_new = not os.path.lexists(path)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            self.fd = os.open(path, flags, mode)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise unwritable(
                self._path, NO_FILE.get(error.errno or 0, reason)
            ) from error
        try:
            self._check(mode)
        except BaseException:
            os.close(self.fd)
            raise

    def _check(self, mode: int) -> None:
        status = os.fstat(self.fd)
        if not stat.S_ISREG(status.st_mode):
            raise unwritable(self._path, "it is not a regular file")
        if status.st_nlink > 1:
            raise unwritable(self._path, "it has another name, a hard link")
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message, who = store_messages.RECORDED_BY_OTHER, self._holder()
            raise OutputError(message, path=self._path, who=who) from None
        if self.is_new:
            os.fchmod(self.fd, mode)  # whatever the umask
        self._size = status.st_size

    def _holder(self) -> str:
        """Return who records, as the file says."""
        with (
            suppress(TcpconnectError, sqlite3.Error),
            closing(open_for_reading(self._path)) as reader,
        ):
            latest = "SELECT pid, ended FROM runs ORDER BY run_id DESC LIMIT 1"
            for pid, ended in reader.execute(latest):
                return ANOTHER if ended else f"process {pid}"
        return ANOTHER

    @property
    def is_moved(self) -> bool:
        """Whether the path no longer names the file."""
        try:
            there = os.stat(self._path, follow_symlinks=False)
        except OSError:
            return True
        return not os.path.samestat(there, os.fstat(self.fd))

    @property
    def is_cut(self) -> bool:
        """Whether somebody else has made the file shorter since ``note_size``."""
        return os.fstat(self.fd).st_size < self._size

    def note_size(self) -> None:
        """Take what is there for all that should be."""
        self._size = os.fstat(self.fd).st_size

    def remove_beside(self) -> None:
        """Remove what SQLite has left beside the file. Raises OSError."""
        for suffix in BESIDE:
            with suppress(FileNotFoundError):
                os.unlink(self._path + suffix)

    def end_wal_mode(self) -> None:
        """Do what SQLite does at the end, which it refuses to do to a moved file."""
        os.pwrite(self.fd, b"\1\1", 18)  # the format's versions (fileformat2.html, 1.3)

    def put_aside(self) -> None:
        """Rename what is left of the file, over what was before. Raises OSError."""
        self.remove_beside()
        os.rename(self._path, self._path + CUT)

    def remove(self) -> None:
        """Remove the file. Raises OSError."""
        self.remove_beside()
        os.unlink(self._path)

    def release(self) -> None:
        """Let others have it."""
        os.close(self.fd)
