"""The little of io_uring that it takes to connect."""

from __future__ import annotations

import ctypes
import mmap
import os
import socket
from struct import pack, pack_into, unpack_from
from typing import TYPE_CHECKING

from tests.support.system import libc

if TYPE_CHECKING:
    from typing_extensions import Self

# The calls' numbers on all machines but alpha, and include/uapi/linux/io_uring.h.
SETUP, ENTER = 425, 426
OFF_SQ_RING, OFF_CQ_RING, OFF_SQES = 0, 0x8000000, 0x10000000
PARAMS_BYTES, SQ_OFF, CQ_OFF = 120, 40, 80
OP_CONNECT = 16
GETEVENTS = 1


class Uring:
    """An io_uring for one operation."""

    def __init__(self) -> None:
        self._params = ctypes.create_string_buffer(PARAMS_BYTES)
        self.fd = libc.syscall(SETUP, 1, self._params)
        assert self.fd >= 0, os.strerror(ctypes.get_errno())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

    def connect(self, client: socket.socket, host: str, port: int) -> int:
        """Connect, wait for the end, and return 0 or a negative errno."""
        there = pack("=H", socket.AF_INET) + pack("!H", port) + socket.inet_aton(host)
        target = ctypes.create_string_buffer(there, 16)
        self._put(OP_CONNECT, client.fileno(), len(target), ctypes.addressof(target))
        submitted = libc.syscall(ENTER, self.fd, 1, 1, GETEVENTS, None, 0)
        assert submitted == 1, os.strerror(ctypes.get_errno())
        return self._take()

    def _put(self, opcode: int, fd: int, offset: int, address: int) -> None:
        """Put the operation into the submission queue, whose only slot is free."""
        tail, _, _, _, _, array = unpack_from("6I", self._params, SQ_OFF + 4)
        with self._mmap(OFF_SQES) as entries:
            pack_into("BBHiQQ", entries, 0, opcode, 0, 0, fd, offset, address)
        with self._mmap(OFF_SQ_RING) as ring:
            pack_into("I", ring, array, 0)
            pack_into("I", ring, tail, 1)

    def _take(self) -> int:
        """Return the result in the completion queue's first slot."""
        (cqes,) = unpack_from("I", self._params, CQ_OFF + 20)
        with self._mmap(OFF_CQ_RING) as ring:
            _, result = unpack_from("Qi", ring, cqes)
        assert isinstance(result, int)
        return result

    def _mmap(self, offset: int) -> mmap.mmap:
        return mmap.mmap(self.fd, mmap.PAGESIZE, offset=offset)
