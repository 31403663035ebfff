"""gather(): the rows of a history made findings.

A history is a file that anyone may have made: texts are made harmless, and numbers
are brought into their ranges.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from tcpconnect import __version__
from tcpconnect.alerts.alert import FAILING, SOLVED
from tcpconnect.history.coverage import coverage
from tcpconnect.history.missing import REASONS, details, losses
from tcpconnect.history.queries import time_of
from tcpconnect.memo import Memo
from tcpconnect.output import harmless
from tcpconnect.report import statements
from tcpconnect.report.findings import Bin, Findings, Gap, Pair, Said
from tcpconnect.report.timeline import step_for

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    _Key = tuple[str, str, int]

MAX_NUMBER, MAX_PORT = 2**53, 65_535
MAX_TEXTS = 65_536  # that are remembered as harmless


class Asked(NamedTuple):
    """What a report is asked for.

    ``filters`` are its words; ``condition`` is what they mean, as SQL that begins with
    AND, with ``values``.
    """

    since: int
    until: int
    filters: str = ""
    condition: str = ""
    values: dict[str, int | str] = {}  # noqa: RUF012 (nobody changes it)


class Gathering:
    """One look at a history, whose methods raise sqlite3.Error."""

    def __init__(self, connection: sqlite3.Connection, asked: Asked) -> None:
        self._connection = connection
        self._asked = asked
        self._texts = Memo(harmless, MAX_TEXTS)

    def findings(self) -> Findings:
        """Return what it finds."""
        since, until, now = self._asked.since, self._asked.until, int(time.time())
        with self._connection:  # all statements see the same
            self._connection.execute("BEGIN")
            watched = coverage(self._connection, since, min(until, now))
            ((coarsest,),) = self._rows(statements.COARSEST)
            step = step_for(since, until, _number(coarsest))
            pairs = self._pairs()
            return Findings(
                **self._about(),
                made=now,
                since=since,
                until=until,
                running=watched.running,
                filters=self._asked.filters,
                gaps=[
                    Gap(gap.since, gap.until, REASONS[gap.why]) for gap in watched.gaps
                ],
                lost=sum(watched.missing.values()),
                losses=losses(watched.missing),
                details=details(watched.unknown),
                pairs=pairs,
                alerts=self._alerts(pairs),
                step=step,
                bins=self._bins(step),
            )

    def _about(self) -> dict[str, Any]:
        for host, first in self._rows(statements.HOST):
            return {
                "host": self._texts[str(host)],
                "version": __version__,
                "watched_from": _number(first),
            }
        return {"host": "", "version": __version__}

    def _pairs(self) -> list[Pair]:
        """Return all pairs, with what came of their attempts."""
        pairs: dict[tuple[str, int], Pair] = {}
        for program, place, destination, dport, *rest in self._rows(statements.PAIRS):
            pair = pairs.get((program, place))
            if pair is None:
                pair = pairs[program, place] = Pair(
                    program=self._texts[str(program)],
                    destination=self._texts[str(destination)],
                    dport=min(_number(dport), MAX_PORT),
                )
            self._add(pair, *rest)
        for program, place, first_seen in self._rows(statements.NEW):
            if (program, place) in pairs:
                pair = pairs[program, place]
                pair.first_seen, pair.is_new = self._time(first_seen), True
        for program, place, begin, last in self._rows(statements.FAILING):
            if (program, place) in pairs:
                pair = pairs[program, place]
                pair.failing_since = self._time(begin)
                pair.last_failed = self._time(last)
        return list(pairs.values())

    def _add(
        self,
        pair: Pair,
        result: str,
        why: str,
        failed: int,
        attempts: int,
        tcp_us: int,
        tcp_max_us: int,
        dns_us: int,
        last: int,
    ) -> None:
        attempts = _number(attempts)
        pair.attempts += attempts
        if failed:
            pair.failed += attempts
            text = self._texts[f"{result} {why}".strip()]
            pair.failures[text] = pair.failures.get(text, 0) + attempts
        else:
            pair.tcp_us += _number(tcp_us)
            pair.tcp_max_us = max(pair.tcp_max_us, _number(tcp_max_us))
            pair.dns_us += _number(dns_us)
            pair.last_ok = max(pair.last_ok, self._time(last))

    def _alerts(self, pairs: list[Pair]) -> list[Said]:
        """Return what alerts have said; where filters choose, about these pairs.

        A failure that began earlier, and lasts, is one of them.
        """
        chosen = {_key(pair) for pair in pairs}
        every = [self._said(*row) for row in self._rows(statements.ALERTS)]
        if self._asked.condition:
            every = [said for said in every if _key(said) in chosen]
        since: dict[_Key, int] = {}
        last: dict[_Key, Said] = {}  # of those that fail
        for said in every:
            if said.kind == FAILING:
                since.setdefault(_key(said), said.time)
                last[_key(said)] = said
            elif said.kind == SOLVED:
                since.pop(_key(said), None)
                last.pop(_key(said), None)
        lasting = {id(said): since[key] for key, said in last.items()}
        return [
            replace(said, since=lasting.get(id(said), 0))
            for said in every
            if said.time >= self._asked.since or id(said) in lasting
        ]

    def _said(self, when: int, kind: str, *rest: Any) -> Said:
        program, destination, dport, text = rest
        return Said(
            time=self._time(when),
            kind=self._texts[str(kind)],
            program=self._texts[str(program)],
            destination=self._texts[str(destination)],
            dport=min(_number(dport), MAX_PORT),
            text=harmless(str(text)),
        )

    def _bins(self, step: int) -> dict[int, Bin]:
        bins: dict[int, Bin] = {}
        for begin, attempts, failed in self._rows(statements.BINS, step=step):
            bins[self._time(begin)] = Bin(_number(attempts), _number(failed))
        return bins

    def _time(self, seconds: int) -> int:
        return min(_number(seconds), self._asked.until)

    def _rows(self, statement: str, **values: object) -> Iterator[tuple[Any, ...]]:
        asked = self._asked
        text = statement.replace(statements.CONDITION, asked.condition)
        given = {**time_of(asked.since, asked.until), **asked.values, **values}
        return iter(self._connection.execute(text, given))


def gather(connection: sqlite3.Connection, asked: Asked) -> Findings:
    """Return what a history has. Raises sqlite3.Error, and ValueError for its rows."""
    return Gathering(connection, asked).findings()


def _key(found: Pair | Said) -> _Key:
    return found.program, found.destination, found.dport


def _number(value: object) -> int:
    return min(max(int(str(value or 0)), 0), MAX_NUMBER)
