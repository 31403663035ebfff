"""What must hold at the end: memory and descriptors flat, the account exact."""

from __future__ import annotations

from statistics import linear_regression
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_GROWTH_MB = 2.0
LATEST_S = 1.0
LONGEST_STOP_S = 2.0


class Sample(NamedTuple):
    """The tool at a time: its resident memory in 10^6 bytes, and its descriptors.

    Those of probes are left out: each C library that a container brings has some.
    """

    time_s: float
    memory_mb: float
    descriptors: int


class Account(NamedTuple):
    """Attempts made, those shown, and those that the tool says were lost.

    Of the lines looked at, how long after its attempt the latest came; and what it took
    to stop. In seconds.
    """

    made: int
    shown: int
    lost: int
    latest_s: float
    stop_s: float


def growth_mb(samples: Sequence[Sample]) -> float:
    """Return by how much memory grew in the second half, by the line that fits best.

    In the first half the allocator's pages fill up, slower and slower.
    """
    late = samples[len(samples) // 2 :]
    times = [sample.time_s for sample in late]
    slope, _ = linear_regression(times, [sample.memory_mb for sample in late])
    return slope * (times[-1] - times[0])


def leaked(samples: Sequence[Sample]) -> int:
    """Return how many descriptors more there are in the second half, at the fewest.

    Some are open for a moment only.
    """
    half = len(samples) // 2
    before, after = (
        min(sample.descriptors for sample in part)
        for part in (samples[:half], samples[half:])
    )
    return after - before


def wrong(samples: Sequence[Sample], account: Account) -> Iterator[str]:
    """Yield what does not hold, of samples taken after the warm-up."""
    if (grown := growth_mb(samples)) > MOST_GROWTH_MB:
        yield f"memory grew by {grown:.1f} MB, more than {MOST_GROWTH_MB}"
    if (more := leaked(samples)) > 0:
        yield f"{more} descriptors leaked"
    missing = account.made - account.shown - account.lost
    if missing:
        yield f"{missing} attempts neither shown nor counted as lost"
    if account.latest_s > LATEST_S:
        yield f"a line came after {account.latest_s:.1f} s, more than {LATEST_S}"
    if account.stop_s > LONGEST_STOP_S:
        yield f"it stopped after {account.stop_s:.1f} s, more than {LONGEST_STOP_S}"
