"""The kernel's side of a BPF ring buffer, imitated in an ordinary memory file."""

from __future__ import annotations

import mmap
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from tcpconnect.bpf.ring import ALIGNMENT, HEADER_BYTES, Ring

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = mmap.PAGESIZE
BUSY = 1 << 31


def stride(length: int) -> int:
    """Return the room that a record takes."""
    return HEADER_BYTES + (length + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


class Reserved(NamedTuple):
    """A record that is not committed yet."""

    position: int
    length: int


class Producer:
    """Writes records as the kernel does.

    The consumer's position has a page, so has the producer's; then comes the data. The
    kernel maps it twice in a row; here it is written twice.
    """

    def __init__(self, size: int, position: int = 0) -> None:
        self.size = size
        self.fd = os.memfd_create("ring")
        os.ftruncate(self.fd, 2 * PAGE + 2 * size)
        self._pages = mmap.mmap(self.fd, 2 * PAGE + 2 * size)
        self._set(0, position)
        self._set(PAGE, position)

    def _get(self, offset: int) -> int:
        return int.from_bytes(self._pages[offset : offset + 8], "little")

    def _set(self, offset: int, value: int) -> None:
        self._pages[offset : offset + 8] = value.to_bytes(8, "little")

    @property
    def consumed(self) -> int:
        """The consumer's position."""
        return self._get(0)

    @property
    def produced(self) -> int:
        """The producer's position."""
        return self._get(PAGE)

    @property
    def free(self) -> int:
        """How many bytes can be reserved."""
        return self.size - (self.produced - self.consumed)

    def _store(self, position: int, data: bytes) -> None:
        at = position % self.size
        first, rest = data[: self.size - at], data[self.size - at :]
        for copy in (2 * PAGE, 2 * PAGE + self.size):
            self._pages[copy + at : copy + at + len(first)] = first
            self._pages[copy : copy + len(rest)] = rest

    def reserve(self, record: bytes) -> Reserved:
        """Write a record, but leave it busy."""
        reserved = Reserved(self.produced, len(record))
        self.mark(reserved, BUSY)
        self._store(reserved.position + HEADER_BYTES, record)
        self._set(PAGE, reserved.position + stride(len(record)))
        return reserved

    def mark(self, reserved: Reserved, flags: int = 0) -> None:
        """Write the header of a record: without flags, it is committed."""
        word = (reserved.length | flags).to_bytes(4, "little")
        self._store(reserved.position, word + b"page")

    def write(self, *records: bytes) -> None:
        """Reserve and commit records."""
        for record in records:
            self.mark(self.reserve(record))

    def close(self) -> None:
        """Unmap and close."""
        self._pages.close()
        os.close(self.fd)


@contextmanager
def opened(size: int, position: int = 0) -> Iterator[tuple[Producer, Ring]]:
    """Give a producer, and the reader of its ring, both at ``position``."""
    producer = Producer(size, position)
    ring = Ring(producer.fd, size)
    try:
        yield producer, ring
    finally:
        ring.close()
        producer.close()
