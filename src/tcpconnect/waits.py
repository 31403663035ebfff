"""Waits of a trace: for the next record, and between two reads."""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tcpconnect.bpf.ring import Ring

IDLE_MS = 1000
# The first record after a quiet time is read at once, the next ones no sooner than this
# after it, by how many the last read has found: so the kernel need not wake us for
# every record. Those that wait together share the cost of a wake-up, and a busy host,
# where it counts, has many. A pause ends when a quarter of the ring is full.
PAUSES_MS = ((16, 200), (4, 80), (0, 40))
SHORT_MS = PAUSES_MS[-1][1]


def pause_ms(records: int) -> int:
    """Return how long a pause is after a read that has found so many records."""
    return next(ms for least, ms in PAUSES_MS if records >= least)


class Waits:
    """For one ring, until ``close``; each returns early when it is told to ``end``."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self.ended = False
        self._wake, self._waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        # The ring's descriptor is readable as long as there are records. In a pause it
        # counts that the kernel has woken those who wait for it.
        self._woken = select.epoll()
        self._woken.register(ring.fd, select.EPOLLIN | select.EPOLLET)
        self._pause, self._record = select.poll(), select.poll()
        self._pause.register(self._woken, select.POLLIN)
        self._record.register(ring.fd, select.POLLIN)
        self._ring_fds = {ring.fd, self._woken.fileno()}
        self._watch(self._wake, select.POLLIN)

    def for_record(self, timeout_ms: float) -> None:
        """Wait for a record."""
        self._ring.release()
        self._wait(self._record, timeout_ms)

    def between_reads(self, timeout_ms: float) -> None:
        """Wait while the ring is not filling, or can't be read."""
        self._woken.poll(0)
        if not (self._ring.count and self._ring.is_filling):
            self._wait(self._pause, timeout_ms)

    def _wait(self, poll: select.poll, timeout_ms: float) -> None:
        for fd, _ in poll.poll(timeout_ms):
            if fd not in self._ring_fds:
                self.ended = True

    def _watch(self, fd: int, events: int) -> None:
        self._pause.register(fd, events)
        self._record.register(fd, events)

    def end(self) -> None:
        """End the wait, and all others; may be called from a handler or a thread."""
        self.ended = True
        if self._waker >= 0:
            os.write(self._waker, b"\0")

    def end_with(self, fd: int) -> None:
        """End them when the other end of ``fd``, an output, has been closed."""
        self._watch(fd, 0)

    def close(self) -> None:
        """Give the descriptors back."""
        waker, self._waker = self._waker, -1
        os.close(waker)
        os.close(self._wake)
        self._woken.close()
