"""Sqlite: attempts kept in a history, folded into windows."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from tcpconnect import __version__, store_messages
from tcpconnect.batch import NO_LOSSES
from tcpconnect.errors import OutputError
from tcpconnect.history.schema import DAY
from tcpconnect.history.spread import Spread
from tcpconnect.history.store import Run
from tcpconnect.history.terms import Terms
from tcpconnect.history.window import Window
from tcpconnect.history.writer import Writer
from tcpconnect.machine.account import acting_as
from tcpconnect.machine.hostname import host_name
from tcpconnect.output import name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tcpconnect.batch import Batch, Totals

WINDOW_S = 10
BOOT = "/proc/sys/kernel/random/boot_id"


class Sqlite:
    """Windows of ten seconds, which a thread writes: it blocks nothing, drops nothing.

    The thread starts with the first batch, after privileges are dropped.
    """

    dropped = 0
    needed_capabilities: frozenset[str] = frozenset()
    has_file = True

    def __init__(
        self,
        path: str,
        options: Sequence[str] = (),
        terms: Terms | None = None,
    ) -> None:
        self.name = name_of(path)
        self.fd = -1
        self._path = path
        self._terms = terms or Terms()
        self._writer = Writer(path, self._terms, this_run(options))
        self._lost = self._written = NO_LOSSES
        self._now = 0  # of the last batch
        self._flushing = self._flushed = False
        self._behind = 0  # of the begin of a window that was recorded, is its end

    def open(self) -> None:
        """Open the file, or make it. Raises OutputError."""
        with acting_as(self._terms.account):
            self._writer.open()
        # Its file may become another one: what looks at its descriptor sees none.
        self.fd = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        today = int(time.time()) // DAY
        self._spread = Spread(today, self._writer.reached(today * DAY))
        self._window = Window(self._spread)

    def write(self, batch: Batch) -> None:
        """Add a batch to its window; one that is over is written."""
        now = int(batch.now)
        if now // WINDOW_S != self._now // WINDOW_S:
            self._submit(self._now or now, now)
            self._spread.begin(now)
        self._now = now
        self._lost = batch.losses
        self._window.add(batch.events, now)
        # What this batch lacks, since it was read before the signal, the next one has.
        is_last, self._flushed = self._flushed, False
        if self._flushing:
            self._flushing, self._flushed = False, True
        if is_last or self._flushed:
            self._submit(now, now)

    def recorded_by(self, host: str) -> None:
        """Have what comes now, and was recorded, be of a run of this machine."""
        self._behind = WINDOW_S
        self._finish()
        self._now = 0
        self._writer.recorded_by(host)

    def flush(self) -> None:
        """Have all that was traced written soon; a signal handler may call it."""
        self._flushing = True

    def reopen(self) -> None:
        """Have it written soon, to a new file if that was moved."""
        self._flushing = True

    def close(self, totals: Totals) -> None:
        """Write what is left. Raises OutputError where that is not possible."""
        if self._now:
            self._lost = totals.losses
        self._finish()
        os.close(self.fd)
        if left := self._writer.close():
            reason = self._writer.failure
            message = store_messages.NOT_KEPT
            raise OutputError(message, n=left, path=self._path, reason=reason)

    def _finish(self) -> None:
        """Have the window written that has not ended, if there is one."""
        if self._now:
            self._submit(self._now, self._now + self._behind)

    def _submit(self, window: int, now: int) -> None:
        """Have the window of a time written, which ends now."""
        lost = dict((self._lost - self._written).items())
        self._written = self._lost
        self._writer.submit(self._window.take(), lost, window, now)


def this_run(options: Sequence[str]) -> Run:
    """Return who records: this process."""
    from shlex import join

    boot = ""
    with suppress(OSError), open(BOOT, encoding="ascii") as file:
        boot = file.read().strip()
    return Run(
        host=host_name(),
        boot=boot,
        version=__version__,
        options=join(options),
        pid=os.getpid(),
    )
