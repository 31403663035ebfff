"""Clock: whether the time of a history's last run is believed.

Rows are deleted by their age, for ever: a clock that is wrong once must not do it. A
time ahead of the one that is believed is believed when it has been watched for a
thirtieth of the step, or for a day. Decision 53 says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.history.schema import DAY, MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterable

PART = 30  # of a step, which must be watched; that of a weekend takes two hours
MOST_S = DAY
RUNS = "SELECT started, watched FROM runs ORDER BY run_id"


def doubtful_s(runs: Iterable[tuple[int, int]]) -> int:
    """Return for how long the clock must go on until it is believed, in seconds.

    Runs are when they started and until when they watched, in their order.
    """
    sure: int | None = None
    last = seen = missing = 0
    was_ahead = False
    for started, watched in runs:
        if sure is None:
            sure = last = watched
            continue
        is_ahead = started > sure
        if is_ahead != was_ahead or started < last - MINUTE:
            seen = 0
        was_ahead, last = is_ahead, watched
        seen += watched - started
        missing = min(MOST_S, abs(started - sure) // PART) - seen
        if missing <= 0:
            sure, seen, missing = watched, 0, 0
    return missing if was_ahead else 0
