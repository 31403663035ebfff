"""Whether a history believes its clock, and what a wrong one deletes: nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tcpconnect.history.clock import doubtful_s
from tcpconnect.history.keep import Keep
from tcpconnect.history.schema import DAY, HOUR, MINUTE
from tcpconnect.history.store import Run
from tcpconnect.history.terms import Terms
from tests.support.histories import NOON, attempts, new_store

if TYPE_CHECKING:
    from pathlib import Path

LATER = NOON + 500 * DAY
KNOWN = (NOON - DAY, NOON)


@pytest.mark.parametrize(
    ("runs", "missing"),
    [
        ([], 0),
        ([KNOWN], 0),
        ([KNOWN, (NOON + 5, NOON + 5)], 0),
        # A night, a weekend, a month that nobody watched.
        ([KNOWN, (NOON + 15 * HOUR, NOON + 15 * HOUR)], 30 * MINUTE),
        ([KNOWN, (NOON + 60 * HOUR, NOON + 62 * HOUR)], 0),
        ([KNOWN, (NOON + 30 * DAY, NOON + 30 * DAY)], DAY),
        # It goes on, over restarts.
        ([KNOWN, (LATER, LATER + 9 * HOUR)], 15 * HOUR),
        ([KNOWN, (LATER, LATER + 9 * HOUR), (LATER + DAY, LATER + 39 * HOUR)], 0),
        # It is set right, and wrong again; or jumps about.
        ([KNOWN, (LATER, LATER + 9 * HOUR), (NOON + MINUTE, NOON + HOUR)], 0),
        (
            [
                KNOWN,
                (LATER, LATER + 9 * HOUR),
                (NOON + MINUTE, NOON + HOUR),
                (LATER, LATER + HOUR),
            ],
            23 * HOUR,
        ),
        ([KNOWN, (LATER, LATER + 23 * HOUR), (LATER - DAY, LATER)], 0),
        (
            [KNOWN, (LATER, LATER + 23 * HOUR), (LATER - DAY, LATER - 23 * HOUR)],
            23 * HOUR,
        ),
        # A machine without a clock begins in 1970 each time.
        ([KNOWN, (0, 10), (NOON + 60 * HOUR, NOON + 62 * HOUR)], 0),
        # One that was too far ahead for days, and is set right for a day.
        ([KNOWN, (LATER, LATER + 2 * DAY), (NOON, NOON + HOUR)], 0),
        (
            [
                KNOWN,
                (LATER, LATER + 2 * DAY),
                (NOON, NOON + 2 * DAY),
                (LATER, LATER + HOUR),
            ],
            23 * HOUR,
        ),
    ],
)
def test_when_a_clock_is_believed(runs: list[tuple[int, int]], missing: int) -> None:
    """After it has gone on for a thirtieth of its step, or for a day."""
    assert doubtful_s(runs) == missing


def test_one_wrong_reading_deletes_nothing(tmp_path: Path) -> None:
    """Nor are rows folded by it; when it goes on for a day, they go by their age."""
    store = new_store(tmp_path / "h.db", Run(started=NOON))
    store.add(attempts("p", "a.example"), {(NOON, "ring"): 3}, NOON + DAY)
    keep, counts = Keep(Terms()), "SELECT span, attempts FROM windows"
    store.begin(Run(started=LATER))
    store.add(attempts("p", "b.example", time=LATER), {}, LATER + 10)
    keep.work(store, LATER + 10)
    assert store.connection.execute(counts).fetchall() == [(MINUTE, 1), (MINUTE, 1)]
    # It is set right.
    store.begin(Run(started=NOON + DAY))
    store.add({}, {}, NOON + 3 * DAY)
    keep.work(store, NOON + 3 * DAY)
    assert store.connection.execute(counts).fetchall() == [(HOUR, 1), (MINUTE, 1)]
    lost = "SELECT lost FROM losses"
    assert store.connection.execute(lost).fetchall() == [(3,)]
    # That was the wrong time.
    store.begin(Run(started=LATER))
    for hours, found in ((23, [(HOUR, 1), (MINUTE, 1)]), (25, [(MINUTE, 1)])):
        store.add({}, {}, LATER + hours * HOUR)
        keep.work(store, LATER + hours * HOUR)
        assert store.connection.execute(counts).fetchall() == found
    assert store.connection.execute(lost).fetchall() == []
    store.close(LATER)
