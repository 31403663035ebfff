"""Histories that tests make: files with given rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcpconnect.history.packed import bucket_of
from tcpconnect.history.rows import Key, Program, Row, Windows, merge
from tcpconnect.history.schema import DAY, HOUR, MINUTE
from tcpconnect.history.store import Run, Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOON = 1_764_417_600  # 2025-11-29 12:00:00 UTC


def attempts(
    program: str | Program,
    destination: str,
    dport: int = 443,
    *,
    time: int = NOON,
    count: int = 1,
    result: str = "OK",
    why: str = "",
    latency_ms: float | None = 1.0,
    span: int = MINUTE,
    **members: Any,
) -> Windows:
    """Return attempts that ended so, at a time; each took as long."""
    if isinstance(program, str):
        program = Program(program)
    row = Row(attempts=count, first=time, last=time, syns=count)
    row.query = "" if destination[-1:].isdigit() else destination
    row.address = "192.0.2.1" if row.query else destination
    if latency_ms is not None:
        latency_us = round(latency_ms * 1000)
        row.latencies = {bucket_of(latency_us): count}
        row.latency_us, row.latency_max_us = latency_us * count, latency_us
    for name, value in members.items():
        setattr(row, name, value)
    key = Key(program, destination, dport, result, why)
    return {(span, time - time % span): {key: row}}


def joined(some: Iterable[Windows]) -> Windows:
    """Return windows with the rows of all of these."""
    every: Windows = {}
    for windows in some:
        for moment, rows in windows.items():
            merge(every.setdefault(moment, {}), rows)
    return every


def history(
    path: Path | str,
    *some: Windows,
    runs: Iterable[tuple[int, int]] = ((NOON - 3600, NOON + 3600),),
    lost: Mapping[tuple[int, str], int] | None = None,
) -> str:
    """Make a history, or add to it: rows, ended runs, losses; return its path."""
    every = joined(some)
    losses = dict(lost or {})
    for started, watched in runs:
        store = new_store(path, Run(host="here", boot="b", started=started))
        store.add(every, losses, watched)
        store.close(watched)
        every, losses = {}, {}
    return str(path)


def new_store(path: Path | str, run: Run) -> Store:
    """Return the writer of a file, which is made where there is none."""
    Path(path).touch()
    store = Store(str(path))
    store.begin(run)
    return store


NGINX, CURL = "/usr/sbin/nginx", "/usr/bin/curl"
WEB = Program("shop/web", "web", "crio.scope", "shop/web", 1000)
EARLY = NOON - 30 * DAY


def of_many_kinds(path: Path) -> str:
    """Make a history of many kinds of rows; return its path."""
    return history(
        path,
        attempts(NGINX, "api.example", count=20),
        attempts(NGINX, "api.example", count=30, result="ECONNREFUSED", why="closed"),
        attempts(NGINX, "api.example", count=5, result="ETIMEDOUT", why="lost"),
        attempts(NGINX, "db.example", 5432, time=NOON - 2 * HOUR, latency_ms=4.5),
        attempts(
            *(CURL, "nowhere.example", 0),
            count=9,
            result="NXDOMAIN",
            latency_ms=None,
        ),
        attempts(CURL, "it's.example", time=EARLY, span=DAY, count=1000),
        attempts(CURL, "api.example", time=NOON - 2 * DAY, span=HOUR, count=100),
        attempts(CURL, "api.example", count=3),
        attempts(WEB, "10.2.3.0/24", 6379, count=12, result="ABORTED"),
        runs=[(EARLY, NOON + HOUR)],
    )
