"""Rows, rates and failures, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tcpconnect.live.columns import number
from tcpconnect.live.model import (
    GONE_S,
    MAX_FAILURES,
    MAX_KEPT,
    MAX_LATEST,
    MINUTE,
    Model,
    destinations_of,
    programs_of,
)
from tests.support.folding import NOW, attempt, batch, refused, ticks

if TYPE_CHECKING:
    from tcpconnect.batch import Batch


def model_of(*batches: Batch, interval: float = 1.0) -> Model:
    """Return a model that has taken a tick for each batch."""
    model = Model(interval)
    for tick in ticks(*batches):
        model.take(tick)
    return model


def test_rates() -> None:
    """They are of the last interval, with what it took to come."""
    model = model_of(batch([]), batch([attempt(), refused()], NOW + 1))
    (edge,) = model.edges.values()
    assert (edge.rate, edge.fail_rate) == (2.0, 1.0)
    assert (model.rate, model.fail_rate) == (2.0, 1.0)
    (tick,) = ticks(batch([attempt()] * 6, NOW + 4))
    assert model.take(tick)
    assert (edge.rate, edge.fail_rate) == (2.0, 0.0)
    assert (edge.attempts, edge.failed) == (8, 1)


def test_interval() -> None:
    """A longer interval ends when it has passed."""
    model = Model(5)
    made = ticks(*(batch([attempt()], NOW + n) for n in range(6)))
    assert [model.take(tick) for tick in made] == [False] * 5 + [True]
    assert model.rate == 6 / 5


def test_latencies_and_outcome() -> None:
    """The average, the highest, and the commonest failure."""
    edge_of = model_of(
        batch([attempt(latency_ms=1.0), refused(latency_ms=3.0), refused()]),
        batch([attempt(result="ETIMEDOUT", why="no answer", latency_ms=None)], NOW + 1),
    ).edges.values()
    (edge,) = edge_of
    assert (edge.average_ms, edge.highest_ms) == (2.0, 3.0)
    assert edge.outcome == "ECONNREFUSED RST"
    (quiet,) = model_of(batch([attempt(latency_ms=None)])).edges.values()
    assert (quiet.average_ms, quiet.highest_ms, quiet.outcome) == (None, None, "")


def test_rows_go() -> None:
    """A row that nothing happened to for a minute goes."""
    model = model_of(batch([attempt()]), batch([attempt(dport=81)], NOW + 1))
    for tick in ticks(batch([], NOW + GONE_S - 1)):
        model.take(tick)
    assert len(model.edges) == 2
    for tick in ticks(batch([], NOW + GONE_S)):
        model.take(tick)
    assert [edge.port for edge in model.edges.values()] == [81]


def test_bounds() -> None:
    """Rows, attempts and failures are bounded; what is in no row is counted."""
    model = Model()
    for n in range(3):
        events = [refused(dport=n * 1000 + m) for m in range(1000)]
        model.take(ticks(batch(events, NOW + n))[0])
    assert (len(model.edges), model.others) == (MAX_KEPT, 1000)
    assert len(model.failures) == MAX_FAILURES
    for n in range(10):
        model.take(ticks(batch([attempt(dport=0)] * 100, NOW + n))[0])
    edge = next(iter(model.edges.values()))
    assert len(edge.latest) == MAX_LATEST


def test_the_last_minute() -> None:
    """There is a bucket for each second, and no more than a minute."""
    model = model_of(*(batch([attempt(), refused()], NOW + n) for n in range(100)))
    assert model.minute() == [(2, 1)] * MINUTE
    assert model_of(batch([refused()])).minute() == [(0, 0)] * (MINUTE - 1) + [(1, 1)]


def test_united() -> None:
    """Programs and destinations are sums of rows."""
    model = model_of(
        batch([]),
        batch([attempt(), refused(dport=81), attempt(comm="wget")], NOW + 1),
    )
    programs = programs_of(model.edges.values())
    found = [(e.program.name, e.rate, e.fail_rate, e.outcome) for e in programs]
    assert found == [("curl", 2.0, 1.0, "ECONNREFUSED RST"), ("wget", 1.0, 0.0, "")]
    destinations = destinations_of(model.edges.values())
    assert [(e.port, e.attempts) for e in destinations] == [(80, 2), (81, 1)]
    assert sum(edge.attempts for edge in model.edges.values()) == 3


def test_a_whole_recording() -> None:
    """It is one interval, whatever the number of ticks, and nothing goes."""
    model = Model(whole=True)
    made = ticks(*(batch([attempt(dport=n)] * 10, NOW + 100 * n) for n in range(3)))
    for tick in made:
        model.take(tick)
    assert model.rate == 30 / 200
    assert [edge.rate for edge in model.edges.values()] == [10 / 200] * 3


def test_the_clock_is_set_back() -> None:
    """Intervals go on, and rows go when nothing has happened to them for a minute."""
    model = model_of(batch([]), batch([attempt()], NOW + 1))
    for tick in ticks(*(batch([attempt()] * 3, NOW - 3600 + n) for n in range(3))):
        taken = model.take(tick)
    assert taken
    assert (model.time, model.rate) == (NOW - 3598, 3.0)
    assert [attempts for attempts, _ in model.minute()][-3:] == [3, 3, 3]
    for tick in ticks(*(batch([], NOW - 3598 + n) for n in range(65))):
        model.take(tick)
    assert not model.edges


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (0.004, "<0.01"),
        (0.5, "0.50"),
        (3.98, "4"),
        (4.0, "4"),
        (4.26, "4.3"),
        (99.96, "100"),
        (9_996, "10.0k"),
        (123_456, "123k"),
    ],
)
def test_numbers(value: float, shown: str) -> None:
    """What is nearly whole is: ticks do not come to the moment."""
    assert number(value) == shown
