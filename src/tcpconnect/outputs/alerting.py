"""Alerting: finds alerts in windows of attempts, keeps them, and has them sent."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from tcpconnect import alert_messages as messages
from tcpconnect.alerts.alert import Notice, Row
from tcpconnect.alerts.failing import MAX_FAILING
from tcpconnect.alerts.failing import MAX_PAIRS as MAX_COUNTED
from tcpconnect.alerts.learning import MAX_OF_PROGRAM, MAX_PAIRS
from tcpconnect.alerts.rows import accepted, forget_accepted
from tcpconnect.history.schema import DAY
from tcpconnect.history.spread import Spread
from tcpconnect.history.window import Window
from tcpconnect.image import UNKNOWN
from tcpconnect.notify.channel import Courier
from tcpconnect.output import STDOUT, say, write
from tcpconnect.why import NO_FAILURES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tcpconnect.alerts.alert import Alert
    from tcpconnect.alerts.engine import Engine
    from tcpconnect.alerts.keeper import Keeper
    from tcpconnect.alerts.tally import Tally
    from tcpconnect.batch import Batch, Totals
    from tcpconnect.errors import Message
    from tcpconnect.history.rows import Rows
    from tcpconnect.notify.alertmanager import Alertmanager
    from tcpconnect.notify.channel import Channel

WINDOW_S = 10
MOST_S = 60.0  # that one window may teach
END_S = 3.0  # for all channels, at the end
PRINTED_S = 1.0  # of it, for the reader of stdout
STDOUT_NAME = "stdout"


class Alerting:
    """An output without events: ``line`` makes alerts lines of stdout, if it is given.

    ``known`` is what is not new, nor its programs; ``history`` is the path of the
    history where others accept pairs; ``clock`` is monotonic. It is behind a Queued,
    whose thread may wait for files; the channels have threads of their own.
    """

    name = "alerts"
    dropped = 0
    needed_capabilities: frozenset[str] = frozenset()

    def __init__(
        self,
        engine: Engine,
        keeper: Keeper,
        channels: Sequence[Channel],
        managers: Sequence[Alertmanager] = (),
        line: Callable[[Notice], bytes] | None = None,
        history: str | None = None,
        known: Iterable[tuple[str, str, int]] = (),
        clock: Callable[[], float] = time.monotonic,
        tally: Tally | None = None,
    ) -> None:
        self.fd = STDOUT if line else -1
        self._lines = [_printer(line, keeper)] if line else []
        self._engine, self._keeper = engine, keeper
        couriers = (*self._lines, *channels)
        self._channels: tuple[Channel, ...] = (*couriers, *managers)
        self._kept = [channel.name for channel in couriers]
        self._managers = managers
        self._history = history
        self._known, self._clock, self._tally = known, clock, tally
        self._now = 0
        self._said: dict[Message, int] = {}

    def open(self) -> None:
        """Open the file of what is known. Raises OutputError."""
        self._keeper.open(self._engine)
        self._engine.accept(self._known, learnt=True)
        if self.fd < 0:
            self.fd = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        self._spread = Spread(int(time.time()) // DAY)
        self._window = Window(self._spread)
        self._unsure = Window(self._spread)  # of processes whose details were lost

    def write(self, batch: Batch) -> None:
        """Add a batch to its window. Raises ReaderGoneError and OutputError."""
        self._raise()
        now = int(batch.now)
        if not self._now:
            self._start(now)
        elif now // WINDOW_S != self._now // WINDOW_S:
            self._turn(now)
        self._now = now
        sure = [event for event in batch.events if event.image is not UNKNOWN]
        self._window.add(sure, now)
        if len(sure) < len(batch.events):
            self._unsure.add((e for e in batch.events if e.image is UNKNOWN), now)

    def close(self, _totals: Totals) -> None:
        """Look at what is left, and send what that takes no time for."""
        try:
            if self._now:
                self._turn(self._now)
        finally:
            end = time.monotonic() + END_S
            for channel in self._channels if self._now else ():
                seconds = end - time.monotonic()
                most = PRINTED_S if channel in self._lines else END_S
                channel.close(min(max(0.0, seconds), most))
            self._say(last=True)
            self._keeper.close()
            if self.fd != STDOUT:
                os.close(self.fd)
        self._raise()

    def _start(self, now: int) -> None:
        """Begin, with what a run before has not sent."""
        self._last = self._clock()
        with suppress(sqlite3.Error):
            for manager in self._managers:
                manager.resume(self._keeper.latest(now - int(manager.new_lasts_s)))
            self._put({name: self._keeper.waiting(name) for name in self._kept})
        for channel in self._channels:
            channel.start()
        self._tell_active()

    def _turn(self, now: int) -> None:
        """Look at the window that is over."""
        clock = self._clock()
        watched, self._last = min(clock - self._last, MOST_S), clock
        self._keeper.forget(self._engine)
        reach = self._accept()
        begin = self._now - self._now % WINDOW_S
        rows = list(rows_of(self._window.take(), begin))
        rows += rows_of(self._unsure.take(), begin, sure=False)
        self._spread.begin(now)
        notices = [
            Notice(os.urandom(8).hex(), alert)
            for alert in self._engine.feed(begin, watched, rows)
        ]
        if self._keeper.keep(self._engine, notices, self._kept) and reach:
            with suppress(sqlite3.Error):  # they are accepted once more, then
                forget_accepted(self._history or "", reach)
        for manager in self._managers:
            for notice in notices:
                manager.put(notice)
        self._tell_active(notices)
        self._put(dict.fromkeys(self._kept, notices))
        self._say()

    def _tell_active(self, notices: Sequence[Notice] = ()) -> None:
        active: list[Alert] = list(self._engine.failing.active())
        if self._tally:
            self._tally.take((notice.alert for notice in notices), len(active))
        for channel in self._channels:
            channel.active(active)

    def _put(self, notices: dict[str, list[Notice]]) -> None:
        """Give channels their notices."""
        for channel in self._channels:
            for notice in notices.get(channel.name, ()):
                channel.put(notice)

    def _raise(self) -> None:
        """Raise ReaderGoneError or OutputError where lines can't be printed."""
        for channel in self._lines:
            if channel.failure:
                raise channel.failure

    def _accept(self) -> int:
        """Know what others have accepted; return how far that reaches."""
        reach = 0
        if self._history:
            with suppress(sqlite3.Error):  # it is tried again after the next window
                pairs, reach = accepted(self._history)
                self._engine.accept(pairs, learnt=False)
        return reach

    def _say(self, *, last: bool = False) -> None:
        """Say what channels have to say, and what did not fit: once, and at the end."""
        for channel in self._channels:
            for line in channel.warnings.take():
                say(line)
        learning, failing = self._engine.learning, self._engine.failing
        for message, n, limit in (
            (messages.TOO_MANY_NEW, learning.unwatched, MAX_OF_PROGRAM),
            (messages.TOO_MANY_KNOWN, learning.evicted, MAX_PAIRS),
            (messages.TOO_MANY_COUNTED, failing.uncounted, MAX_COUNTED),
            (messages.TOO_MANY_FAILING, failing.unfollowed, MAX_FAILING),
        ):
            known = self._said.get(message, 0)
            if n > known and (last or not known):
                self._said[message] = n
                say(message.line(n=n, limit=limit))


def _printer(line: Callable[[Notice], bytes], keeper: Keeper) -> Courier:
    """Return what prints lines; it may wait for its reader."""

    def send(notice: Notice) -> None:
        write(STDOUT, line(notice))

    return Courier(STDOUT_NAME, send, partial(keeper.sent, STDOUT_NAME))


def rows_of(rows: Rows, begin: int, *, sure: bool = True) -> Iterator[Row]:
    """Yield the rows of a window as alerts take them."""
    for key, row in rows.items():
        failed = bool(key.result) and key.result not in NO_FAILURES
        yield Row(
            begin,
            key.program.program,
            key.destination,
            key.dport,
            f"{key.result} {key.why}".strip(),
            row.attempts,
            row.attempts if failed else 0,
            sure,
            row.address,
        )
