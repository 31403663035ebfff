"""Spool: a directory of blocks that wait for a remote place, each a file."""

from __future__ import annotations

import errno
import fcntl
import os
import re
from _thread import allocate_lock
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from tcpconnect import remote_messages
from tcpconnect.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Kinds of blocks; where there is no room, those that count least are dropped first.
KINDS = "single", "metrics", "runs", "alerts", "windows", "losses"
SINGLE, METRICS, RUNS, ALERTS, WINDOWS, LOSSES = KINDS
KEEP_S = 86_400  # that blocks wait
MAX_SIZE = 500 << 20
MAX_BLOCKS = 65_536
CHECK = 4  # bytes behind a block: its CRC, since after a power cut files are cut, too
MODE, FILE_MODE = 0o700, 0o600
LOCK, UNFINISHED = "lock", "unfinished"
FULL, OLD, GONE = "the spool was full", "they waited for a day", "its file was damaged"
_NAME = re.compile(r"(\d{12})-([0-9a-f]{16})-([a-z]+)-(\d{1,8})-(\d{1,12})-(\d{1,12})")


class Packed(NamedTuple):
    """Rows that are sent at once, ready for it: of a kind, and so many attempts.

    ``token`` is that of the block: 16 hexadecimal digits, by default random ones. An
    alert is an attempt here, so that those that are dropped are counted.
    """

    kind: str
    rows: int
    attempts: int
    body: bytes
    token: str = ""


class Block(NamedTuple):
    """What is sent at once: rows of a kind, of ``attempts``, spooled at a time.

    ``token`` is the same whenever the block is sent, and no other block has it.
    """

    number: int
    token: str
    kind: str
    rows: int
    attempts: int
    time: int

    @property
    def name(self) -> str:
        """The name of its file."""
        return "-".join((f"{self.number:012}", self.token, *map(str, self[2:])))


class Spool:
    """Blocks in their order: threads put them there, another one takes them.

    ``dropped`` counts attempts, or alerts, by kind and reason: single attempts where
    ``max_size`` bytes are full, or more blocks than are kept; windows where nothing
    else is left to be dropped; all that has waited for a day, but what says how many
    are lost. ``unsent`` are those of windows.
    """

    def __init__(self, path: str, max_size: int = MAX_SIZE) -> None:
        self.path = path
        self.dropped: dict[tuple[str, str], int] = {}
        self.unsent = 0
        self._max_size = max_size
        self._writing = allocate_lock()  # of the file that is not finished
        self._lock = allocate_lock()  # of all below
        self._blocks: dict[Block, int] = {}  # with the sizes of their files
        self._size = 0
        self._number = 0
        self._claim = -1

    def open(self) -> None:
        """Take what a run before has left. Raises OutputError."""
        try:
            os.makedirs(self.path, MODE, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            self._claim = os.open(self._file(LOCK), flags, FILE_MODE)
            fcntl.flock(self._claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with suppress(FileNotFoundError):
                os.unlink(self._file(UNFINISHED))
            for block in self._found():
                size = os.stat(self._file(block.name)).st_size
                self._blocks[block] = size
                self._size += size
                self._number = block.number + 1
        except BlockingIOError:
            message = remote_messages.SPOOL_TAKEN
            raise OutputError(message, path=self.path) from None
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            message = remote_messages.NO_SPOOL
            raise OutputError(message, path=self.path, reason=reason) from error

    def _found(self) -> Iterator[Block]:
        for name in sorted(os.listdir(self.path)):
            if found := _NAME.fullmatch(name):
                number, token, kind, *rest = found.groups()
                yield Block(int(number), token, kind, *map(int, rest))

    def put(self, packed: Packed, now: int) -> None:
        """Add a block, or drop it where there is no room for it. Raises OSError."""
        with self._writing:
            self._put(packed, now)

    def _put(self, packed: Packed, now: int) -> None:
        kind, rows, attempts, body, token = packed
        size = len(body) + CHECK
        with self._lock:
            if not self._make_room(kind, size):
                self._count(kind, FULL, attempts)
                return
            token = token or os.urandom(8).hex()
            block = Block(self._number, token, kind, rows, attempts, now)
            self._number += 1
        self._write(block, body)
        with self._lock:
            self._blocks[block] = size
            self._size += size

    def first(self, now: int) -> Block | None:
        """Return the block that has waited longest, None if there is none."""
        with self._lock:
            while block := next(iter(self._blocks), None):
                if block.time >= now - KEEP_S or block.kind == LOSSES:
                    return block
                self._drop(block, OLD)
        return None

    def read(self, block: Block) -> bytes:
        """Return what is in a block. Raises OSError, also where it is damaged."""
        with open(self._file(block.name), "rb") as file:
            data = file.read()
        body = data[:-CHECK]
        if data[-CHECK:] != _check(body):
            raise OSError(errno.EBADMSG, os.strerror(errno.EBADMSG))
        return body

    def done(self, block: Block) -> None:
        """Forget a block."""
        with self._lock:
            self._remove(block)

    def drop(self, kind: str, reason: str, attempts: int) -> None:
        """Count attempts as dropped."""
        with self._lock:
            self._count(kind, reason, attempts)

    def dropped_of(self, kind: str) -> int:
        """Return how many attempts of a kind were dropped; any thread may ask."""
        # A copy: another thread may add to it.
        return sum(n for (of, _), n in dict(self.dropped).items() if of == kind)

    @property
    def left(self) -> int:
        """How many attempts wait, as windows."""
        with self._lock:
            return sum(b.attempts for b in self._blocks if b.kind == WINDOWS)

    def close(self) -> None:
        """Leave it to another run."""
        os.close(self._claim)

    def _make_room(self, kind: str, size: int) -> bool:
        """Drop what counts less than a block of a kind, or is older, until that fits.

        Single attempts are not dropped for newer ones.
        """
        for other in KINDS[: KINDS.index(kind) + (kind != SINGLE)]:
            for block in [block for block in self._blocks if block.kind == other]:
                if self._fits(size):
                    break
                self._drop(block, FULL)
        return self._fits(size)

    def _fits(self, size: int) -> bool:
        full = self._size + size > self._max_size
        return not full and len(self._blocks) < MAX_BLOCKS

    def _drop(self, block: Block, reason: str) -> None:
        self._count(block.kind, reason, block.attempts)
        self._remove(block)

    def _count(self, kind: str, reason: str, attempts: int) -> None:
        if attempts:
            key = kind, reason
            self.dropped[key] = self.dropped.get(key, 0) + attempts
        if kind == WINDOWS:
            self.unsent += attempts

    def _remove(self, block: Block) -> None:
        self._size -= self._blocks.pop(block, 0)
        with suppress(OSError):
            os.unlink(self._file(block.name))

    def _write(self, block: Block, body: bytes) -> None:
        unfinished = self._file(UNFINISHED)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with open(os.open(unfinished, flags, FILE_MODE), "wb", buffering=0) as file:
                left = memoryview(body + _check(body))
                while left:
                    left = left[file.write(left) :]
        except OSError:
            with suppress(OSError):
                os.unlink(unfinished)  # what it takes may be all that is left
            raise
        os.rename(unfinished, self._file(block.name))

    def _file(self, name: str) -> str:
        return f"{self.path}/{name}"


def _check(body: bytes) -> bytes:
    return crc32(body).to_bytes(CHECK, "big")
