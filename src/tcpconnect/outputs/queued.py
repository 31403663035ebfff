"""Queued: an output in a thread of its own, so that it blocks nothing."""

from __future__ import annotations

import signal
from _queue import SimpleQueue  # the modules queue and threading take milliseconds
from _thread import allocate_lock, start_new_thread
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tcpconnect import messages
from tcpconnect.abilities import flushes, reopens, spools, takes_rows
from tcpconnect.batch import Batch
from tcpconnect.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tcpconnect.batch import Output, Totals
    from tcpconnect.errors import Line
    from tcpconnect.formats.rows import Rows

ROOM = 32768  # events: three seconds at 10,000 a second, in 20 to 40 MB


class Queued:
    """Queues batches for an output that may be slow; what does not fit is dropped.

    The thread starts with the first batch, after privileges are dropped. Its errors are
    raised by the next ``write``, or by ``close``.
    """

    def __init__(self, output: Output, room: int = ROOM) -> None:
        self.dropped = 0
        self._output = output
        self._room = room
        self._queue: SimpleQueue[Batch | Totals] = SimpleQueue()
        self._put = self._taken = 0  # the thread writes the second
        self._unwarned: list[Line] = []  # of batches that were dropped
        self._failure: BaseException | None = None
        self._started = False
        self._ended = allocate_lock()

    @property
    def name(self) -> str:
        """Its name in messages."""
        return self._output.name

    @property
    def fd(self) -> int:
        """The descriptor that it writes to."""
        return self._output.fd

    @property
    def needed_capabilities(self) -> frozenset[str]:
        """The capabilities that it needs while it runs."""
        return self._output.needed_capabilities

    @property
    def has_file(self) -> bool:
        """Whether it has a file."""
        return reopens(self._output) and self._output.has_file

    @property
    def unsent(self) -> Mapping[str, int]:
        """What it took and dropped."""
        return self._output.unsent if spools(self._output) else {}

    def reopen(self) -> None:
        """Have its file opened again."""
        if reopens(self._output):
            self._output.reopen()

    @property
    def rows(self) -> Rows | None:
        """The format of its output, if that takes rows."""
        return self._output.rows if takes_rows(self._output) else None

    def take_rows(self) -> None:
        """Have its output take rows."""
        if takes_rows(self._output):
            self._output.take_rows()

    def flush(self) -> None:
        """Have its window written soon."""
        if flushes(self._output):
            self._output.flush()

    def open(self) -> None:
        """Open it. Raises OutputError."""
        self._output.open()

    def write(self, batch: Batch) -> None:
        """Queue a batch, unless too many events are waiting."""
        self._raise()
        if not self._started:
            self._start()
        waiting = self._put - self._taken
        if waiting and waiting + _size(batch) > self._room:
            self.dropped += len(batch.events)
            self._unwarned += batch.warnings
            return
        if self._unwarned:
            batch = replace(batch, warnings=self._unwarned + batch.warnings)
            self._unwarned = []
        if self.dropped:
            batch = replace(batch, dropped=self.dropped)
        self._put += _size(batch)
        self._queue.put(batch)

    def close(self, totals: Totals) -> None:
        """Wait until all is written."""
        if self._started:
            self._queue.put(totals)
            self._ended.acquire()
            self._raise()
        else:
            self._output.close(totals)

    def _start(self) -> None:
        self._started = True
        self._ended.acquire()
        try:
            start_new_thread(self._run, ())
        except RuntimeError as error:
            self._started = False
            self._ended.release()
            raise OutputError(messages.CANT_START_THREAD, reason=error) from error

    def _run(self) -> None:
        try:
            # The main thread handles them.
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            while isinstance(batch := self._queue.get(), Batch):
                self._output.write(batch)
                self._taken += _size(batch)
            self._output.close(replace(batch, dropped=self.dropped))
        except BaseException as error:  # noqa: BLE001 (it is raised where it is read)
            self._failure = error
        finally:
            self._ended.release()

    def _raise(self) -> None:
        failure, self._failure = self._failure, None
        if failure:
            raise failure


def _size(batch: Batch) -> int:
    """Return the size of a batch in the queue, at least 1."""
    return max(1, len(batch.events))
