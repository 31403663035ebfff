"""Rows of the tables of clickhouse.sql and postgresql.sql."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcpconnect.remote.spool import ALERTS, LOSSES, RUNS, SINGLE, WINDOWS
from tcpconnect.why import NO_FAILURES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tcpconnect.alerts.alert import Alert
    from tcpconnect.history.store import Run
    from tcpconnect.remote.place import Counted

NAMES = {  # of the tables, by what blocks have
    WINDOWS: "window_rows",
    SINGLE: "attempts",
    RUNS: "run_rows",
    LOSSES: "loss_rows",
    ALERTS: "alert_rows",
}


def window(host: str, counted: Counted) -> dict[str, Any]:
    """Return a row of window_rows."""
    (span, time), key, row = counted
    program = key.program
    return {
        "host": host,
        "time": time,
        "span": span,
        "program": program.program,
        "container": program.container,
        "unit": program.unit,
        "pod": program.pod,
        "uid": program.uid,
        "destination": key.destination,
        "dport": key.dport,
        "query": row.query,
        "address": row.address,
        "result": key.result,
        "why": key.why,
        "failed": int(key.result not in NO_FAILURES and key.result != ""),
        "attempts": row.attempts,
        "latency_us": row.latency_us,
        "latency_max_us": row.latency_max_us,
        "latencies": {str(bucket): n for bucket, n in sorted(row.latencies.items())},
        "dns_us": row.dns_us,
        "syns": row.syns,
    }


def losses(host: str, lost: Mapping[tuple[int, str], int]) -> Iterator[dict[str, Any]]:
    """Yield the rows of loss_rows."""
    for (time, reason), number in lost.items():
        yield {"host": host, "time": time, "reason": reason, "lost": number}


def alert(host: str, found: Alert) -> dict[str, Any]:
    """Return a row of alert_rows."""
    return {
        "host": host,
        "time": found.time,
        "kind": found.kind,
        "program": found.program,
        "destination": found.destination,
        "dport": found.dport,
        "line": found.text,
    }


def run(this: Run, watched: int, *, ended: bool) -> dict[str, Any]:
    """Return a row of run_rows."""
    return {
        "host": this.host,
        "boot": this.boot,
        "version": this.version,
        "options": this.options,
        "pid": this.pid,
        "started": this.started,
        "watched": watched,
        "ended": watched if ended else 0,
    }
