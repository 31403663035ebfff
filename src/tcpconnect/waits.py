"""Waits of a trace: for the next record, and between two reads."""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tcpconnect.bpf.ring import Ring

IDLE_MS = 1000
# The first record after a quiet time is read at once, the next ones no sooner than this
# after it: so the kernel need not wake us for every record. Those that wait together
# share the cost of a wake-up, so where there are more, they wait longer. What nobody
# waits for, such as the lookups of others, does not make attempts wait.
SHORT_MS, MANY_MS, BUSY_MS = PAUSES_MS = (40, 80, 200)
MANY_RECORDS, BUSY_EVENTS = 4, 16  # of one read


class Pace:
    """How long pauses are: a step longer with each read, by what that has found."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin with the shortest."""
        self._step = -1

    def next_ms(self, records: int, events: int) -> int:
        """Return how long the next one is."""
        most = 1 if records >= MANY_RECORDS else 0
        if events >= BUSY_EVENTS:
            most = 2
        self._step = min(self._step + 1, most)
        return PAUSES_MS[self._step]


class Waits:
    """For one ring, until ``close``; each returns early when it is told to ``end``."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._pace = Pace()
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
        self._pace.restart()
        self._ring.release()
        self._wait(self._record, timeout_ms)

    def between_reads(self, events: int, most_ms: float) -> None:
        """Pause, after a read of so many events, while the ring is not filling.

        (Also when it is, and can't be read: a record is not finished.)
        """
        pause_ms = self._pace.next_ms(self._ring.count, events)
        self._woken.poll(0)
        if not (self._ring.count and self._ring.is_filling):
            self._wait(self._pause, min(pause_ms, most_ms))

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
