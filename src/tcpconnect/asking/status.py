"""Status: whether somebody records, what there is, and when nobody looked."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from tcpconnect.history import queries
from tcpconnect.history.coverage import UNWRITTEN_S, coverage
from tcpconnect.history.missing import REASONS, details, losses
from tcpconnect.history.schema import DAY, HOUR, MINUTE
from tcpconnect.output import harmless
from tcpconnect.report.shown import between, count, duration, moment
from tcpconnect.times import NANO, rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcpconnect.databases.database import File
    from tcpconnect.history.coverage import Coverage, Gap

BESIDE = ("", "-wal", "-shm")
MOST_GAPS = 20
SPANS = {MINUTE: "minute", HOUR: "hour", DAY: "day"}
ARTICLES = {"hour": "an"}
MIB = 1 << 20


class Status(msgspec.Struct, kw_only=True):
    """What ``--status`` shows; times are RFC 3339 in UTC, null where there is none."""

    history: str
    bytes: int
    recording: bool
    pid: int | None = None
    host: str = ""
    version: str = ""
    since: str | None = None
    written: str | None = None
    rows: dict[str, int] = {}
    gaps: list[dict[str, Any]] = []
    lost: dict[str, int] = {}


def status(database: File, now: int, since: int | None) -> tuple[Status, str]:
    """Return the status, and the same as text. Raises TcpconnectError.

    Gaps and losses are of the time from ``since``, else from the first run.
    """
    runs = database.rows(queries.RUNS, {})
    begin = (
        since if since is not None else min((int(run[4]) for run in runs), default=now)
    )
    found = coverage(database.connection, min(begin, now), now)
    spans = database.rows(queries.COARSEST, {})
    rows = {SPANS.get(int(span), f"{span} s"): int(n) for span, n in spans}
    shown = Status(
        history=database.name,
        bytes=_size(database.name),
        recording=False,
        rows=rows,
        gaps=[_gap(gap) for gap in found.gaps],
        lost=found.lost,
    )
    if runs:
        host, _boot, version, pid, started, watched, ended = runs[-1]
        shown.recording = not ended and now - int(watched) < UNWRITTEN_S
        shown.pid = int(pid) if shown.recording else None
        shown.host, shown.version = harmless(str(host)), harmless(str(version))
        shown.since = rfc3339(int(started) * NANO)
        shown.written = rfc3339(int(watched) * NANO)
    return shown, "".join(_lines(shown, runs, found))


def _size(path: str) -> int:
    size = 0
    for suffix in BESIDE:
        with suppress(OSError):
            size += os.stat(path + suffix).st_size
    return size


def _gap(gap: Gap) -> dict[str, Any]:
    begin, end = (rfc3339(when * NANO) for when in (gap.since, gap.until))
    return {"since": begin, "until": end, "why": gap.why}


def _lines(shown: Status, runs: list[Any], found: Coverage) -> Iterator[str]:
    gaps = found.gaps
    yield f"history    {harmless(shown.history)}, {shown.bytes / MIB:.1f} MiB\n"
    yield f"recording  {_recording(shown, runs)}\n"
    rows = [
        f"{count(n)} of {ARTICLES.get(span, 'a')} {span}"
        for span, n in shown.rows.items()
    ]
    yield f"rows       {', '.join(rows) or 'none'}\n"
    away = sum(gap.until - gap.since for gap in gaps)
    what = f"{count(len(gaps))}, in all {duration(away)}" if gaps else "none"
    yield f"gaps       {what}\n"
    for gap in gaps[-MOST_GAPS:]:
        span = between(gap.since, gap.until), duration(gap.until - gap.since)
        yield f"           {', '.join(span)}: {REASONS[gap.why]}\n"
    yield f"lost       {', '.join(losses(found.missing)) or 'none'}\n"
    if unknown := found.unknown:
        yield f"incomplete {', '.join(details(unknown))}\n"


def _recording(shown: Status, runs: list[Any]) -> str:
    if not runs:
        return "no, never"
    _host, _boot, _version, pid, started, watched, ended = runs[-1]
    if shown.recording:
        who = f"process {pid} of tcpconnect {shown.version} on {shown.host}"
        return f"since {moment(started)}, {who}"
    if ended:
        return f"no, stopped at {moment(ended)}"
    return f"no word since {moment(watched)}: it was killed, or can't write"
