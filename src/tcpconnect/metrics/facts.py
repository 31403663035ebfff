"""Facts: what metrics say besides attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import asdict

from tcpconnect.abilities import spools
from tcpconnect.batch import NO_LOSSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tcpconnect.alerts.tally import Tally
    from tcpconnect.batch import Batch, Gauges, Output


class Facts(NamedTuple):
    """What is known at a moment; None: it is not known, and not shown.

    ``lost`` are the members of Losses, ``dropped`` what each place did not write.
    """

    lost: Mapping[str, int]
    dropped: Mapping[str, int]
    pending: int | None = None
    run_s: float | None = None
    new: int | None = None
    failing: int | None = None


class Beside:
    """Gathers facts; one thread takes batches, any may ask."""

    def __init__(self) -> None:
        self._losses = NO_LOSSES
        self._gauges: Gauges | None = None
        self._others: list[Output] = []
        self._tally: Tally | None = None

    def count_others(self, others: Iterable[Output], tally: Tally | None) -> None:
        """Have facts say what these outputs drop, and what alerts have found."""
        self._others += others
        self._tally = tally

    def take(self, batch: Batch) -> None:
        """Learn from a batch."""
        self._losses = batch.losses
        self._gauges = batch.gauges or self._gauges

    def facts(self) -> Facts:
        """Return them as they are now."""
        dropped = {o.name.strip("'"): o.dropped for o in self._others}
        for output in self._others:
            if spools(output):
                for place, number in output.unsent.items():
                    dropped[place] = dropped.get(place, 0) + number
        gauges, tally = self._gauges, self._tally
        return Facts(
            lost=asdict(self._losses),
            dropped=dropped,
            pending=gauges.pending if gauges else None,
            run_s=gauges.run_s if gauges else None,
            new=tally.new if tally else None,
            failing=tally.failing if tally else None,
        )
