"""What an answer about a fleet rests on: which hosts watched, and what was lost."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec

from tcpconnect import history_messages as messages
from tcpconnect.history import queries
from tcpconnect.history.coverage import ATTEMPTS
from tcpconnect.history.missing import losses
from tcpconnect.output import harmless
from tcpconnect.report.shown import between, count, duration, many, moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tcpconnect.asking.answer import Answer
    from tcpconnect.databases.database import Database
    from tcpconnect.errors import Line
    from tcpconnect.history.queries import Parameters

SILENT_S = 300  # recorders write every minute, and wait while the server is away
MOST, MOST_LISTED = 3, 20  # hosts that a line has, and the status


class Host(msgspec.Struct, frozen=True):
    """When a host's recorder did not watch, between its runs, and at the end.

    ``silent_since`` is when it wrote last, if it did not say that it ends.
    """

    name: str
    gaps: list[tuple[int, int]]
    silent_since: int | None

    @property
    def away_s(self) -> int:
        """For how many seconds nobody watched."""
        return sum(end - begin for begin, end in self.gaps)


def hosts_of(database: Database, since: int, until: int) -> list[Host]:
    """Return the hosts that wrote anything of that time. Raises TcpconnectError."""
    values = queries.time_of(since, until)
    rows = database.rows(queries.FLEET_RUNS, values)
    runs = [
        (str(host), (int(begin), int(end), int(done)))
        for host, begin, end, done in rows
    ]
    return [
        _host(name, [run for _, run in some], since, until)
        for name, some in groupby(runs, key=itemgetter(0))
    ]


def _host(name: str, runs: list[tuple[int, int, int]], since: int, until: int) -> Host:
    gaps, at = [], runs[0][1]
    for started, watched, _ in runs:
        if started > at:
            gaps.append((max(at, since), started))
        at = max(at, watched)
    is_silent = not runs[-1][2] and until - at >= SILENT_S
    if is_silent:
        gaps.append((max(at, since), until))
    return Host(name, gaps, at if is_silent else None)


def doubts(database: Database, since: int, until: int) -> Iterator[Line]:
    """Yield a line about hosts that did not always watch, and one about losses."""
    hosts = hosts_of(database, since, until)
    if away := sorted((h for h in hosts if h.gaps), key=lambda h: (-h.away_s, h.name)):
        texts = [f"{harmless(host.name)} ({duration(host.away_s)})" for host in away]
        if more := len(away) - MOST:
            texts[MOST:] = [f"and {more} more"] if more > 0 else []
        yield messages.FLEET_GAPS.line(
            n=count(len(away)), all=many(len(hosts), "host"), hosts=", ".join(texts)
        )
    if lost := _lost(database, since, until):
        number = count(sum(lost.values()))
        yield messages.MISSED.line(n=number, reasons=", ".join(losses(lost)))


def _lost(database: Database, since: int, until: int) -> dict[str, int]:
    rows = database.rows(queries.FLEET_LOSSES, queries.time_of(since, until))
    return {str(why): int(n) for why, n in rows if why in ATTEMPTS}


def add_hosts(database: Database, values: Parameters, found: Iterable[Answer]) -> None:
    """Have each pair say on how many hosts it was seen, and on which one first."""
    rows = database.rows(queries.FLEET_PAIRS, values)
    hosts = {
        (harmless(str(program)), harmless(str(destination)), int(dport)): (n, first)
        for program, destination, dport, n, first in rows
    }
    for each in found:
        pair = each.program or "", each.destination or "", each.dport or 0
        if pair in hosts:
            number, first = hosts[pair]
            each.hosts, each.first_host = int(number), harmless(str(first))


def status(
    database: Database, now: int, since: int | None
) -> tuple[dict[str, Any], str]:
    """Return the status of a fleet, and the same as text. Raises TcpconnectError."""
    begin = now - 86_400 if since is None else since
    hosts = hosts_of(database, begin, now)
    silent = [host for host in hosts if host.silent_since is not None]
    ((number, first, last),) = database.rows(queries.ROWS, {})
    lost = _lost(database, begin, now)
    shown = {
        "history": database.name,
        "hosts": len(hosts),
        "silent": [host.name for host in silent],
        "rows": int(number),
        "lost": lost,
    }
    when = f", {between(int(first), int(last))}" if number else ""
    lines = [
        f"history    {harmless(database.name)}",
        f"hosts      {_written(hosts, silent, begin)}",
        *_silent(silent),
        f"rows       {count(int(number))}{when}",
        f"lost       {', '.join(losses(lost)) or 'none'}",
    ]
    return shown, "".join(f"{line}\n" for line in lines)


def _written(hosts: list[Host], silent: list[Host], begin: int) -> str:
    written = f"{count(len(hosts))} since {moment(begin)}"
    return f"{written}, {count(len(silent))} of them silent" if silent else written


def _silent(silent: list[Host]) -> Iterator[str]:
    for host in silent[:MOST_LISTED]:
        at = moment(host.silent_since or 0)
        yield f"           {harmless(host.name)}, no word since {at}"
    if len(silent) > MOST_LISTED:
        yield f"           and {count(len(silent) - MOST_LISTED)} more"
