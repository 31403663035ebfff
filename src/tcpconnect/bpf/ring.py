"""The pages of a BPF ring buffer, mapped and unpacked a batch at a time."""

from __future__ import annotations

import mmap
import threading
from struct import iter_unpack
from typing import Any

from tcpconnect.connection import LAYOUT, RECORD

CHUNK = 1024  # records a batch: bounds memory, and is enough to make calls cheap

# Layout of the ring buffer, Linux commit 457f44363a88 ("bpf: Implement BPF ring buffer
# and verifier support for it"), v5.8: each record has a header of two u32, its length
# with two flags, then the offset of its page; records are 8-byte aligned.
BUSY = 1 << 31
DISCARDED = 1 << 30
HEADER_BYTES = 8
STRIDE = HEADER_BYTES + LAYOUT.size
FRAMED = "<8x" + RECORD


class Ring:
    """The pages of a BPF ring buffer, mapped.

    The consumer's position has a page of its own, then come the producer's position and
    the data, which is mapped twice in a row: a record that wraps is contiguous.
    """

    def __init__(self, fd: int, size: int) -> None:
        page = mmap.PAGESIZE
        self._mask = size - 1
        self._maps = (
            mmap.mmap(fd, page),
            mmap.mmap(fd, page + 2 * size, prot=mmap.PROT_READ, offset=page),
        )
        consumer, data = (memoryview(m) for m in self._maps)
        self._consumer = consumer.cast("Q")
        self._producer = data[:8].cast("Q")
        self._bytes = data[page:]
        self._words = self._bytes.cast("I")
        self._fence = threading.Lock()

    def read(self) -> list[tuple[Any, ...]]:
        """Return up to CHUNK committed records and free their room."""
        position = self._consumer[0]
        count = min((self._producer[0] - position) // STRIDE, CHUNK)
        if not count:
            return []
        start = position & self._mask
        stop = start + count * STRIDE
        lengths = self._words[start // 4 : stop // 4 : STRIDE // 4].tolist()
        if max(lengths) >= DISCARDED:
            count = next(i for i, n in enumerate(lengths) if n >= DISCARDED)
            stop = start + count * STRIDE
        # The headers must have been read before the records are: a lock is the
        # barrier that Python has. (x86 does not need it.)
        with self._fence:
            records = list(iter_unpack(FRAMED, self._bytes[start:stop]))
        self._consumer[0] = position + count * STRIDE
        return records

    def close(self) -> None:
        """Unmap."""
        for view in (self._consumer, self._producer, self._words, self._bytes):
            view.release()
        self._maps = ()  # type: ignore[assignment]
