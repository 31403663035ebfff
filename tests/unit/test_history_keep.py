"""How long rows are kept, and how large a history becomes; with a clock of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect.history.keep import Keep, size_of
from tcpconnect.history.packed import unpack
from tcpconnect.history.schema import DAY, HOUR, MINUTE
from tcpconnect.history.store import Run, Store
from tcpconnect.history.terms import Terms
from tests.support.histories import NOON, attempts, joined, new_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIDNIGHT = NOON - 12 * HOUR


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Return an empty store."""
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


def test_the_size_wins(store: Store) -> None:
    """The finest and oldest rows go first, until it is small; the newest stay."""
    for day in range(8):
        store.add(
            joined(
                attempts(f"p{n % 7}", f"d{n % 500}-{day}.example", time=time)
                for n in range(4000)
                for time in (MIDNIGHT + day * DAY + n % 40 * 60,)
            ),
            {},
            MIDNIGHT + (day + 1) * DAY,
        )
    terms = Terms(max_size=1_000_000)
    assert size_of(store.connection) > terms.max_size
    assert Keep(terms).work(store, MIDNIGHT + 8 * DAY) is True
    assert size_of(store.connection) <= terms.max_size
    ((newest,),) = ask(store, "SELECT max(last_seen) FROM pairs")
    assert newest >= MIDNIGHT + 7 * DAY
    assert sum(spans(store).values()) > 4000
    # Nobody watched what was dropped, as far as any answer goes.
    ((oldest, started),) = ask(
        store, "SELECT min(time), (SELECT started FROM runs) FROM windows"
    )
    assert MIDNIGHT < started <= oldest


def test_nothing_is_left_to_drop(store: Store) -> None:
    """It ends, even where the tables alone are larger."""
    assert Keep(Terms(max_size=1)).work(store, NOON) is True
    store.add(attempts("p", "a.example"), {}, NOON)
    assert Keep(Terms(max_size=1)).work(store, NOON) is True
