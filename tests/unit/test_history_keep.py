"""How long rows are kept; with a clock of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect.history.keep import Keep
from tcpconnect.history.packed import unpack
from tcpconnect.history.schema import DAY, HOUR, MINUTE
from tcpconnect.history.store import Run, Store
from tcpconnect.history.terms import Terms
from tests.support.histories import NOON, attempts, new_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIDNIGHT = NOON - 12 * HOUR


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Return an empty store, with which all is done at once."""
    monkeypatch.setattr("tcpconnect.history.keep.BUSY_S", 60.0)
    store = new_store(tmp_path / "h.db", Run(started=MIDNIGHT))
    yield store
    store.close(MIDNIGHT)


def spans(store: Store) -> dict[int, int]:
    """Return how many attempts rows of each span have."""
    counts = "SELECT span, sum(attempts) FROM windows GROUP BY span"
    return dict(store.connection.execute(counts).fetchall())


def ask(store: Store, statement: str) -> list[tuple[Any, ...]]:
    """Return what a statement finds."""
    return store.connection.execute(statement).fetchall()


def test_rows_become_coarser_as_they_age(store: Store) -> None:
    """Minutes for 48 h, hours for 30 d, days for 400 d; no attempt is lost before."""
    for minute in range(120):
        time = MIDNIGHT + minute * 60
        store.add(attempts("curl", "a.example", time=time, count=2), {}, time)
    keep = Keep(Terms())
    for age, expected in (
        (HOUR, {MINUTE: 240}),
        (49 * HOUR, {HOUR: 120, MINUTE: 120}),
        (51 * HOUR, {HOUR: 240}),
        (31 * DAY, {DAY: 240}),
        (399 * DAY, {DAY: 240}),
        (402 * DAY, {}),
    ):
        assert keep.work(store, MIDNIGHT + age) is False
        assert spans(store) == expected
    assert ask(store, "SELECT * FROM destinations") == []
    assert ask(store, "SELECT * FROM pairs") == []


def test_what_is_folded_is_summed(store: Store) -> None:
    """As in a row of which both are; the row's time is that of the wider span."""
    for minute, latency_ms in ((1, 1.0), (2, 9.0)):
        time = MIDNIGHT + minute * 60
        store.add(attempts("p", "a.example", time=time, latency_ms=latency_ms), {}, 1)
    Keep(Terms()).work(store, MIDNIGHT + 3 * DAY)
    ((*row, latencies),) = ask(
        store,
        "SELECT time, span, attempts, latency_us, latency_max_us, syns, latencies "
        "FROM windows",
    )
    assert row == [MIDNIGHT, HOUR, 2, 10_000, 9000, 2]
    assert unpack(latencies) == {9: 1, 13: 1}
