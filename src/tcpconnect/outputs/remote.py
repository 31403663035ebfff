"""Remote: attempts folded into windows, which wait in a spool until they are sent."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tcpconnect import remote_messages
from tcpconnect.batch import NO_LOSSES
from tcpconnect.history.passing import Passing
from tcpconnect.history.schema import DAY
from tcpconnect.history.spread import Spread
from tcpconnect.history.waiting import Waiting
from tcpconnect.history.window import MAX_TEXT, Window
from tcpconnect.machine.account import acting_as
from tcpconnect.output import say
from tcpconnect.outputs.metering import Metering, meaning
from tcpconnect.outputs.sqlite import this_run
from tcpconnect.remote.place import ALL, NONE
from tcpconnect.remote.sender import Sender
from tcpconnect.remote.spool import SINGLE, WINDOWS
from tcpconnect.why import NO_FAILURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tcpconnect.alerts.alert import Notice
    from tcpconnect.alerts.tally import Tally
    from tcpconnect.alerts.ties import Mailbox
    from tcpconnect.batch import Batch, Output, Totals
    from tcpconnect.connection import Connection
    from tcpconnect.image import Place
    from tcpconnect.machine.account import Account
    from tcpconnect.remote.place import RemotePlace
    from tcpconnect.remote.spool import Packed, Spool

MAX_ROWS = 2_000  # of a block, of windows
MAX_SINGLE = 5_000  # attempts of a block
SINGLE_S = 10  # that one waits for others
MAX_WHERES = 4_096
UNWRITABLE = "the spool could not be written"
FLUSHES = 3  # batches: what was there at a signal may not be in the next one
END_S = 3.0  # for what is left, at the end
# Reasons of losses: what a place was never sent, and what was never spooled for it.
UNSENT, SLOW = "unsent", "slow"


class Remote:
    """Makes blocks of windows, and of single attempts; a Sender has its own thread.

    It is behind a Queued, whose thread may wait for files. What can't be written to
    the spool is folded in memory, as windows of a history are.
    """

    dropped = 0
    needed_capabilities: frozenset[str] = frozenset()
    has_file = True

    def __init__(
        self,
        place: RemotePlace,
        spool: Spool,
        account: Account | None = None,
        options: Sequence[str] = (),
        box: Mailbox | None = None,
        max_series: int | None = None,
    ) -> None:
        self.name = place.name
        self.fd = -1
        self._place, self._spool, self._account = place, spool, account
        self._metering = Metering(max_series) if place.with_metrics else None
        if box:
            box.into = self._alert
        self._sender = Sender(place.name, spool, place.deliver)
        self._run = this_run(options)
        self._passing = Passing()
        self._waiting = Waiting()
        self._wheres: dict[tuple[str, str], Place] = {}
        self._single: list[Connection] = []
        self._single_since = 0
        self._lost = self._written = NO_LOSSES
        self._dropped = 0  # before they came here
        self._said: dict[str, int] = {}  # attempts that the place knows to be missing
        self._now = 0  # of the last batch
        self._flushes = 0
        self._fails = False

    def open(self) -> None:
        """Open the spool. Raises TcpconnectError."""
        self._place.open()
        with acting_as(self._account):
            self._spool.open()
            self._spool.first(int(time.time()))  # what is too old is lost at once
        self.fd = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        self._spread = Spread(int(time.time()) // DAY)
        self._window = Window(self._spread)

    def write(self, batch: Batch) -> None:
        """Add a batch to its window; one that is over is spooled."""
        now, every_s = int(batch.now), self._place.every_s
        if not self._now:
            self._sender.start()
        self._watch(now)
        if now // every_s != self._now // every_s:
            self._turn(self._now or now)
            self._spread.begin(now)
            self._sender.wake(every_s)
        self._now, self._lost, self._dropped = now, batch.losses, batch.dropped
        if self._metering:
            self._metering.take(batch)
        self._window.add(batch.events, now)
        for event in batch.events:
            self._note(event.image.place)
        if self._place.events != NONE:
            self._add_single(batch.events, now)
        if self._flushes:
            self._flushes -= 1
            self._put_single()
            self._turn(now)
            self._sender.wake()

    def count_others(self, others: Iterable[Output], tally: Tally | None) -> None:
        """Have metrics say what these outputs drop, and what alerts have found."""
        if self._metering:
            self._metering.beside.count_others(others, tally)

    @property
    def unsent(self) -> dict[str, int]:
        """How many attempts were dropped; those of ?events are in windows, too."""
        name = self.name
        of_kind = {name: WINDOWS}
        if self._place.events != NONE:
            of_kind[f"{name}?events={self._place.events}"] = SINGLE
        return {each: self._spool.dropped_of(kind) for each, kind in of_kind.items()}

    def flush(self) -> None:
        """Have all that is there sent soon; a signal handler may call it."""
        self._flushes = FLUSHES

    reopen = flush

    def close(self, totals: Totals) -> None:
        """Spool what is left, and send what that takes no time for."""
        if self._now:
            self._lost, self._dropped = totals.losses, totals.dropped
            self._put_single()
            self._turn(self._now, ended=True)
        self._spool.drop(WINDOWS, UNWRITABLE, self._waiting.attempts)
        self._sender.close(END_S if self._now else 0.0)
        self._tell_next()
        self._spool.close()
        os.close(self.fd)

    def _tell_next(self) -> None:
        """Spool what is missing since the last turn: the next run sends it."""
        waiting, now = Waiting(), int(time.time())
        if self._note_missing(waiting, self._now or now):
            try:
                self._put(self._place.losses(waiting.lost))
            except OSError as error:
                self._fail(error)

    def _alert(self, notice: Notice) -> None:
        """Spool an alert, and have it sent; another thread calls it. Raises OSError."""
        program = notice.alert.program
        # A copy: the other thread may add to it.
        meanings = dict(map(meaning, [*self._wheres.values()]))
        try:
            self._put(self._place.alert(notice, meanings.get(program)))
        except OSError as error:
            self._fail(error)
            raise
        self._sender.wake()

    def _note(self, where: Place) -> None:
        """Remember whose names a container and a pod are."""
        if where.container or where.pod:
            names = (where.container or "")[:MAX_TEXT], (where.pod or "")[:MAX_TEXT]
            if names not in self._wheres and len(self._wheres) >= MAX_WHERES:
                del self._wheres[next(iter(self._wheres))]
            self._wheres[names] = where

    def _watch(self, now: int) -> None:
        """Begin another run where the clock was set, or the machine slept."""
        has_gap, _ = self._passing.has_gap(now)
        if has_gap:
            self._run = replace(self._run, started=now)

    def _turn(self, now: int, *, ended: bool = False) -> None:
        """Spool the window of a time, and those that wait."""
        lost = dict((self._lost - self._written).items())
        self._written = self._lost
        self._waiting.add(self._window.take(), lost, now)
        waiting, self._waiting = self._waiting, Waiting()
        rows = [
            (moment, key, row)
            for moment, of_moment in waiting.windows.items()
            for key, row in of_moment.items()
        ]
        try:
            while rows:
                some = rows[:MAX_ROWS]
                self._put(self._place.windows(some, self._wheres))
                del rows[:MAX_ROWS]
            while self._note_missing(waiting, now):
                self._put(self._place.losses(waiting.lost))
                waiting.lost = {}
            if self._metering and (metrics := self._metering.packed(self._place)):
                self._put(metrics)
            if run := self._place.runs(self._run, now, ended=ended):
                self._put(run)
        except OSError as error:
            waiting.windows = {}
            for moment, key, row in rows:
                waiting.windows.setdefault(moment, {})[key] = row
            self._waiting.put_before(waiting)
            self._fail(error)
        else:
            self._fails = False

    def _note_missing(self, waiting: Waiting, now: int) -> bool:
        """Add what is missing since the last time; return whether anything is lost.

        A block that says so may take the room of windows.
        """
        for reason, n in ((UNSENT, self._spool.unsent), (SLOW, self._dropped)):
            said = self._said.get(reason, 0)
            if n > said:
                self._said[reason] = n
                waiting.lose(now, reason, n - said)
        return bool(waiting.lost)

    def _add_single(self, events: list[Connection], now: int) -> None:
        if self._place.events != ALL:
            events = [event for event in events if event.result not in NO_FAILURES]
        if events and not self._single:
            self._single_since = now
        self._single += events
        if len(self._single) >= MAX_SINGLE or now - self._single_since >= SINGLE_S:
            self._put_single()
            self._sender.wake(SINGLE_S)  # a server that all need may fail for all

    def _put_single(self) -> None:
        while some := self._single[:MAX_SINGLE]:
            del self._single[:MAX_SINGLE]
            try:
                self._put(self._place.single(some))
            except OSError as error:
                self._spool.drop(SINGLE, UNWRITABLE, len(some))
                self._fail(error)

    def _put(self, packed: Packed) -> None:
        """Spool a block, by the clock: recorded attempts may be older."""
        self._spool.put(packed, int(time.time()))

    def _fail(self, error: OSError) -> None:
        """Say once that the spool can't be written."""
        if not self._fails:
            self._fails = True
            path, reason = self._spool.path, os.strerror(error.errno or 0)
            say(remote_messages.SPOOL_FAILS.line(path=path, reason=reason))
