"""A BPF ring buffer, mapped and read a batch at a time."""

from __future__ import annotations

import mmap
from _thread import allocate_lock  # threading takes a millisecond to import

import msgspec

# Linux commit 457f44363a88 ("bpf: Implement BPF ring buffer and verifier support for
# it"), v5.8: a record has a header of two u32, its length with two flags, then the
# offset of its page; records are 8-byte aligned.
HEADER_BYTES = 8
ALIGNMENT = 8
BUSY, DISCARDED = 1 << 31, 1 << 30
LENGTH = DISCARDED - 1

BATCH_RECORDS = 1024  # limits the memory of a batch
RUN_BYTES = 64 << 10


class Run(msgspec.Struct, frozen=True):
    """Successive records of one length, each after HEADER_BYTES of header."""

    length: int
    framed: bytes


def stride_of(length: int) -> int:
    """Return the bytes from one record to the next."""
    return HEADER_BYTES + (length + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


class Ring:
    """A BPF_MAP_TYPE_RINGBUF, mapped.

    The consumer's position has a page of its own; the producer's position and the data
    follow, the data twice, so that records that wrap are contiguous. Of the second copy
    only as much as is read at once is mapped: all mapped pages count as our memory.
    """

    def __init__(self, fd: int, size: int) -> None:
        page = mmap.PAGESIZE
        self.fd = fd  # readable when there are records
        self._mask, self._quarter = size - 1, size // 4
        again = min(size, RUN_BYTES)
        self._maps = [
            mmap.mmap(fd, page),
            mmap.mmap(fd, page + size + again, prot=mmap.PROT_READ, offset=page),
        ]
        consumer, produced = (memoryview(m) for m in self._maps)
        self._consumer = consumer.cast("Q")
        self._producer = produced[:8].cast("Q")
        self._bytes = produced[page:]
        self._words = self._bytes.cast("I")
        self._fence = allocate_lock()
        self._position = self._consumer[0]
        self.backlog = False  # whether the last batch was full
        self.count = 0  # its records

    def read(self) -> list[Run]:
        """Return up to BATCH_RECORDS committed records, in order, and free their room.

        But not that of the last one, until ``release``: so the kernel, which wakes us
        for a record that follows freed room, does not.

        Most records are connections, and so of one length: the headers at multiples of
        the stride show how many follow each other, without a Python step for each.
        """
        position, stride = self._position, 0
        available = self._producer[0] - position
        left = BATCH_RECORDS
        runs = []
        while left and available > 0:
            start = position & self._mask
            length = self._words[start // 4]
            if length >= BUSY:
                break
            if length >= DISCARDED:
                stride = stride_of(length & LENGTH)
                position, available = position + stride, available - stride
                left -= 1
                continue
            stride = stride_of(length)
            most = min(available // stride, left, RUN_BYTES // stride)
            count = self._count(start, length, stride, most)
            # The headers must be read before the records: a lock is Python's memory
            # barrier. (x86 does not need one.)
            with self._fence:
                framed = bytes(self._bytes[start : start + count * stride])
            runs.append(Run(length, framed))
            position += count * stride
            available -= count * stride
            left -= count
        if stride:
            self._position = position
            self._consumer[0] = position - stride
        self.backlog = not left
        self.count = BATCH_RECORDS - left
        return runs

    def _count(self, start: int, length: int, stride: int, most: int) -> int:
        """Return how many of ``most`` records from ``start`` on have this length.

        The look-ahead grows: where kinds alternate, it is short.
        """
        count, step = 0, 1
        while count < most:
            step = min(8 * step, most - count)
            first, last = start + count * stride, start + (count + step) * stride
            lengths = self._words[first // 4 : last // 4 : stride // 4].tolist()
            if lengths.count(length) < step:
                return count + next(i for i, n in enumerate(lengths) if n != length)
            count += step
        return count

    @property
    def written(self) -> int:
        """The end of the last record, committed or not."""
        return int(self._producer[0])

    def holds(self, position: int) -> bool:
        """Whether there are unread records before this position."""
        return bool(self._position < position)

    @property
    def waiting(self) -> bool:
        """Whether there are records, committed or not."""
        return self.holds(self.written)

    def skip(self) -> int:
        """Skip the next record, which is not committed; return its length."""
        length = self._words[(self._position & self._mask) // 4] & LENGTH
        self._position += stride_of(length)
        self.release()
        return int(length)

    def release(self) -> None:
        """Free the room of all records that were read: the next one wakes us."""
        self._consumer[0] = self._position

    @property
    def is_filling(self) -> bool:
        """Whether so much is waiting that the kernel will not say so again."""
        return bool(self.written - self._consumer[0] >= self._quarter)

    def close(self) -> None:
        """Unmap."""
        for view in (self._consumer, self._producer, self._words, self._bytes):
            view.release()
        self._maps.clear()
