"""Files that are opened again, when they were moved or have become large.

By then root has become a user who may not write there. So a process that stays root,
and does nothing else, moves files and opens new ones; it ends with us.
"""

from __future__ import annotations

import _socket  # the module socket takes 4 ms
import array
import os
import signal
from _thread import allocate_lock  # the module threading takes milliseconds
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from tcpconnect.errors import OutputError
from tcpconnect.machine.capabilities import reduce_to
from tcpconnect.output import open_file, unwritable

if TYPE_CHECKING:
    from collections.abc import Iterable

ROTATE, REOPEN = b"r", b"o"
PACKED = ".zst"
SAME = b"="  # the answer: nothing was moved
NEW = b"+"  # with a descriptor
INT_BYTES = array.array("i").itemsize
MAX_REASON = 512
# What terminals and systemctl send to all processes of a group: it is for the tool.
IGNORED = (
    *(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT),
    *(signal.SIGTSTP, signal.SIGUSR1, signal.SIGUSR2),
)
WHAT_WRITES = ("CAP_DAC_OVERRIDE",)


def numbered(path: str, number: int) -> str:
    """Return the name of an older file: ``a.jsonl.zst`` becomes ``a.1.jsonl.zst``."""
    stem, suffix = os.path.splitext(path)
    if suffix == PACKED:
        stem, first = os.path.splitext(stem)
        suffix = first + suffix
    return f"{stem}.{number}{suffix}"


def is_ours(path: str, fd: int) -> bool:
    """Whether a path still leads to an open file."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(fd))
    return False


class File:
    """A file that is written, up to ``limit`` bytes, if there is one.

    Of older ones, ``keep`` are left.
    """

    def __init__(self, path: str, limit: int | None, keep: int) -> None:
        self.opener: Opener | None = None  # once privileges may have gone
        self._path = path
        self._limit = limit
        self._keep = keep

    def is_full(self, fd: int) -> bool:
        """Whether it has reached its limit."""
        return self._limit is not None and os.fstat(fd).st_size >= self._limit

    def is_empty(self, fd: int) -> bool:
        """Whether nothing is in it."""
        return not os.fstat(fd).st_size

    def again(self, fd: int, order: bytes) -> int | None:
        """Return the descriptor of a new file, None where the path leads to ``fd``.

        With ROTATE the path is moved first. Raises OutputError.
        """
        try:
            if self.opener:
                return self.opener.open_again(self, fd, order)
            return self.open_again(fd, order)
        except OSError as error:
            self.close()
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise unwritable(self._path, reason) from error

    def open_again(self, fd: int, order: bytes) -> int | None:
        """Do it in this process. Raises OSError, too."""
        if is_ours(self._path, fd):
            if order == REOPEN:
                return None
            self._rotate()
        return open_file(self._path)

    def close(self) -> None:
        """Need no new file any more."""
        if self.opener:
            self.opener.release(self)
            self.opener = None

    def _rotate(self) -> None:
        for number in range(self._keep - 1, 0, -1):
            with suppress(FileNotFoundError):
                os.rename(
                    numbered(self._path, number), numbered(self._path, number + 1)
                )
        os.rename(self._path, numbered(self._path, 1))


class Opener:
    """A process that opens files again, started before privileges go."""

    def __init__(self, files: Iterable[File]) -> None:
        self._files = list(files)
        self._needed = set(self._files)
        self._asking = allocate_lock()  # each file is asked for by a thread of its own
        self._socket, theirs = _socket.socketpair(
            _socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC
        )
        self._pid = os.fork()
        if not self._pid:
            self._socket.close()
            self._serve(theirs)
        theirs.close()
        for file in self._files:
            file.opener = self

    def open_again(self, file: File, fd: int, order: bytes) -> int | None:
        """Do as the file does. Raises OSError with what the process says."""
        number = bytes([self._files.index(file)])
        room = _socket.CMSG_SPACE(INT_BYTES)
        with self._asking:
            self._socket.sendmsg([order + number], [_rights(fd)])
            answer, data, *_ = self._socket.recvmsg(MAX_REASON, room)
        if answer == SAME:
            return None
        if answer != NEW:
            raise OSError(answer.decode(errors="replace") or "its process has ended")
        return _descriptor(data)

    def release(self, file: File) -> None:
        """End the process, if it was the last file."""
        with self._asking:
            self._needed.discard(file)
            if not self._needed:
                self._socket.close()
                os.waitpid(self._pid, 0)

    def _serve(self, asked: _socket.socket) -> NoReturn:
        """Do what is asked until the other end is closed."""
        try:
            for number in IGNORED:
                signal.signal(number, signal.SIG_IGN)
            with suppress(OSError):
                reduce_to(WHAT_WRITES)
            while True:
                words, data, *_ = asked.recvmsg(2, _socket.CMSG_SPACE(INT_BYTES))
                if not words:
                    break
                answer, rights = self._answer(words[:1], words[1], _descriptor(data))
                asked.sendmsg([answer], rights)
        finally:
            os._exit(0)

    def _answer(
        self, order: bytes, number: int, fd: int
    ) -> tuple[bytes, list[tuple[int, int, bytes]]]:
        try:
            new = self._files[number].open_again(fd, order)
        except OSError as error:
            return os.strerror(error.errno or 0).encode(), []
        except OutputError as error:
            return error.reason.encode()[:MAX_REASON], []
        finally:
            os.close(fd)
        return (SAME, []) if new is None else (NEW, [_rights(new)])


def _rights(fd: int) -> tuple[int, int, bytes]:
    return _socket.SOL_SOCKET, _socket.SCM_RIGHTS, array.array("i", [fd]).tobytes()


def _descriptor(data: list[tuple[int, int, bytes]]) -> int:
    """Return the descriptor that came with a message; it is not inherited."""
    ((_, _, raw),) = data
    (fd,) = array.array("i", raw)
    os.set_inheritable(fd, False)  # noqa: FBT003 (it has no name)
    return int(fd)
