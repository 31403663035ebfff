"""Attempts for the live view, and what is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcpconnect.batch import NO_LOSSES, Batch, Losses
from tcpconnect.live.fold import Fold
from tests.support.samples import connection

if TYPE_CHECKING:
    from collections.abc import Sequence

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
