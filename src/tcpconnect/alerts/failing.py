"""What fails: pairs of which half of the attempts fail, minute by minute.

A pair is failing after two minutes with at least ten attempts each, half of them
failed. It is solved by a minute in which less than a tenth fails. A minute without
attempts changes nothing, nor does one with too few that fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tcpconnect.alerts.alert import FAILING, SOLVED, Alert, Pair, Seconds, place

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tcpconnect.alerts.alert import Row

MINUTE_S = 60
ATTEMPTS = 10  # at least, in a minute
MINUTES = 2
QUIET = 5  # minutes without an attempt, in which it watched: then it says so
BACK_S = 120  # a clock that was set back by more begins a new minute
FORGET_S = 90 * 86_400
MAX_PAIRS = 8_192  # of a minute
MAX_FAILING = 1_024
MAX_RESULTS = 8  # of a pair, in a minute


class Minute(msgspec.Struct):
    """The attempts of a pair in a minute; ``results`` are of those that failed."""

    attempts: int = 0
    failed: int = 0
    results: dict[str, int] = {}

    def add(self, row: Row) -> None:
        """Add a row."""
        self.attempts += row.attempts
        self.failed += row.failed
        known = row.result in self.results or len(self.results) < MAX_RESULTS
        if row.failed and known:
            self.results[row.result] = self.results.get(row.result, 0) + row.failed

    @property
    def is_bad(self) -> bool:
        """Whether half of enough attempts failed."""
        return self.attempts >= ATTEMPTS and self.failed * 2 >= self.attempts

    @property
    def is_good(self) -> bool:
        """Whether less than a tenth failed."""
        return self.failed * 10 < self.attempts

    @property
    def result(self) -> str:
        """The commonest result of what failed."""
        return max(self.results, key=self.results.__getitem__, default="")


class State(msgspec.Struct):
    """A pair that has failed: since when, in how many minutes, and its last minute.

    ``missed``: how many minutes since then it watched, and saw no attempt; ``quiet``:
    that was said.
    """

    since: Seconds
    last: Seconds
    minutes: int = 0
    failing: bool = False
    attempts: int = 0
    failed: int = 0
    result: str = ""
    missed: int = 0
    quiet: bool = False


class Failing:
    """The pairs that fail; ``changed`` has those whose state is to be kept.

    ``uncounted`` is how many attempts belonged to one pair too many in a minute, and
    ``unfollowed`` how often a pair failed that was one too many.
    """

    def __init__(self) -> None:
        self.states: dict[Pair, State] = {}
        self.changed: set[Pair] = set()
        self.uncounted = self.unfollowed = 0
        self._minute = 0
        self._counts: dict[Pair, Minute] = {}

    def add(self, row: Row) -> list[Alert]:
        """Count a row; return the alerts of the minute that it has ended."""
        alerts = self.tick(row.time)
        pair = Pair(row.program, row.destination, row.dport)
        minute = self._counts.get(pair)
        if minute is None:
            if len(self._counts) >= MAX_PAIRS:
                self.uncounted += row.attempts
                return alerts
            minute = self._counts[pair] = Minute()
        minute.add(row)
        return alerts

    def tick(self, time: int) -> list[Alert]:
        """Return the alerts of the minute that has ended, if it has."""
        begin = time - time % MINUTE_S
        if self._minute - BACK_S <= begin <= self._minute:
            return []  # late rows are counted in this minute
        ended, self._minute = self._minute, begin
        return list(self._end(ended)) if ended else []

    def keep_only(self, pairs: Collection[Pair]) -> None:
        """Have only these, and what is not kept yet: somebody has deleted the rest."""
        for pair in self.states.keys() - self.changed:
            if pair not in pairs:
                self._counts.pop(pair, None)
                self._drop(pair)

    def active(self) -> Iterator[Alert]:
        """Yield what is failing now, as alerts."""
        for pair, state in self.states.items():
            if state.failing:
                yield _alert(pair, state, state.last)

    def _end(self, ended: int) -> Iterator[Alert]:
        counts, self._counts = self._counts, {}
        for pair, minute in counts.items():
            yield from self._judge(pair, minute, ended)
        for pair, state in list(self.states.items()):
            if pair not in counts:
                yield from self._miss(pair, state, ended)

    def _judge(self, pair: Pair, minute: Minute, ended: int) -> Iterator[Alert]:
        state = self.states.get(pair)
        if state is None:
            if not (minute.is_bad and self._has_room(ended)):
                return
            state = self.states[pair] = State(since=ended, last=ended)
        self.changed.add(pair)
        state.last, state.missed, state.quiet = ended, 0, False
        state.attempts += minute.attempts
        state.failed += minute.failed
        state.result = minute.result or state.result
        if minute.is_bad:
            state.minutes += 1
            if state.minutes >= MINUTES and not state.failing:
                state.failing = True
                yield _alert(pair, state, ended)
        elif minute.is_good or not (
            state.failing or minute.failed * 2 >= minute.attempts
        ):
            del self.states[pair]
            if state.failing:
                yield _alert(pair, state, ended, SOLVED)

    def _has_room(self, ended: int) -> bool:
        """Make room for a pair: one leaves that was not tried in this minute.

        Of those the ones that are not failing go first, then those that were not tried
        for longest.
        """
        if len(self.states) < MAX_FAILING:
            return True
        idle = [pair for pair, state in self.states.items() if state.last < ended]
        if not idle:
            self.unfollowed += 1
            return False
        states = self.states
        self._drop(min(idle, key=lambda p: (states[p].failing, states[p].last)))
        return True

    def _drop(self, pair: Pair) -> None:
        del self.states[pair]
        self.changed.add(pair)

    def _miss(self, pair: Pair, state: State, ended: int) -> Iterator[Alert]:
        """Yield that a failing pair is not tried any more, once."""
        state.missed += 1
        forgotten = ended - state.last > FORGET_S
        if forgotten or (state.missed > QUIET and not state.failing):
            self._drop(pair)
        elif state.missed >= QUIET and state.failing and not state.quiet:
            state.quiet = True
            self.changed.add(pair)
            yield _alert(pair, state, ended)


def _alert(pair: Pair, state: State, time: int, kind: str = FAILING) -> Alert:
    where = f"{pair.program} to {place(pair.destination, pair.dport)}"
    counted = f"{state.failed} of {state.attempts} attempts"
    if kind == SOLVED:
        text = f"{where} works again: {counted} had failed"
    elif state.quiet:
        text = f"{where} has not been tried for a while: it was failing"
    else:
        text = f"{where} is failing: {counted}, {state.result}"
    return Alert(
        kind=kind,
        time=time,
        text=text,
        program=pair.program,
        destination=pair.destination,
        dport=pair.dport,
        attempts=state.attempts,
        failed=state.failed,
        result=state.result,
        since=state.since,
        quiet=state.quiet,
    )
