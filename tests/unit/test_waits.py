"""How long a trace pauses between two reads."""

from __future__ import annotations

import pytest

from tcpconnect.enrich.allowance import LATE_NS
from tcpconnect.waits import BUSY_MS, MANY_MS, SHORT_MS, Pace

BUSY = (100, 100)  # records and events


@pytest.mark.parametrize(
    ("found", "longest"), [((0, 0), SHORT_MS), ((100, 2), MANY_MS), (BUSY, BUSY_MS)]
)
def test_longest(found: tuple[int, int], longest: int) -> None:
    """What is no event makes no event wait long."""
    pace = Pace()
    pauses = [pace.next_ms(*found) for _ in range(5)]
    assert pauses[0] == SHORT_MS
    assert pauses == sorted(pauses)
    assert pauses[-1] == longest


def test_a_burst_delays_nothing_else() -> None:
    """It grows a step at a time, and begins again where nothing came."""
    pace = Pace()
    pace.next_ms(1, 1)
    assert pace.next_ms(*BUSY) == MANY_MS
    assert pace.next_ms(1, 1) == SHORT_MS
    for _ in range(5):
        pace.next_ms(*BUSY)
    pace.restart()
    assert pace.next_ms(*BUSY) == SHORT_MS


def test_what_waited_in_a_pause_is_not_late() -> None:
    """Late is what a tool that does not keep up has, not what waits for a read."""
    assert LATE_NS > BUSY_MS * 1_000_000
