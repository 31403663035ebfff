"""Attempts for the live view, and what is made of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tcpconnect.batch import NO_LOSSES, Batch, Losses
from tcpconnect.live.fold import Fold
from tcpconnect.times import rfc3339
from tests.support.samples import connection

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tcpconnect.connection import Connection
    from tcpconnect.live.stream import Tick

NOW = 1_700_000_000.0


def attempt(**changes: Any) -> Connection:
    """Return an attempt of curl that succeeded, with members changed."""
    return connection(**{"result": "OK", "latency_ms": 2.0, **changes})


def refused(**changes: Any) -> Connection:
    """Return an attempt of curl that was refused."""
    return attempt(**{"result": "ECONNREFUSED", "why": "RST", **changes})


def batch(
    events: Sequence[Connection], now: float = NOW, losses: Losses = NO_LOSSES
) -> Batch:
    """Return a batch of attempts, at a time."""
    return Batch(list(events), losses, [], now)


def ticks(*batches: Batch) -> list[Tick]:
    """Return a tick for each batch, of one tracer."""
    fold, made = Fold(), []
    for each in batches:
        fold.add(each)
        made.append(fold.tick())
    return made


def recorded(path: Path, events: int = 100) -> Path:
    """Write a recording of this many attempts, ten a second, of which some fail."""
    about = {"host": "web", "options": ["-o", "a b"], "schema": 1}
    lines: list[dict[str, object]] = [{"tcpconnect": about}]
    for n in range(events):
        failed = n % 10 == 9
        event: dict[str, object] = {
            "time": rfc3339(int(NOW) * 10**9 + n * 10**8),
            "pid": 100 + n,
            "comm": "curl",
            "exe": "/usr/bin/curl",
            "daddr": "192.0.2.1" if n % 2 else "2001:db8::1",
            "dport": 443,
            "query": None if n % 2 else "a.example",
            "result": "ECONNREFUSED" if failed else "OK",
            "why": "RST" if failed else None,
            "latency_ms": n / 10,
        }
        lines.append(event)
    lines.append({"total": {"events": events}})
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path
