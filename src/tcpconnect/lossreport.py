"""Reports losses: while tracing, at most once a second, and in total at the end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tcpconnect import loss_messages
from tcpconnect.batch import NO_LOSSES
from tcpconnect.kernel.capacities import MAX_FLOWS
from tcpconnect.kernel.filters import MAX_FOLLOWED
from tcpconnect.kernel.pending import MAX_PENDING
from tcpconnect.output import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tcpconnect.batch import Batch, Losses, Output
    from tcpconnect.errors import Line

PERIOD_S = 1.0

# Member of Losses: what it means.
MEANING = {
    "ring": loss_messages.RING_FULL,
    "flows": loss_messages.TOO_MANY_FLOWS,
    "rows": loss_messages.TOO_MANY_ROWS,
    "untracked": loss_messages.TOO_MANY_OPEN,
    "missed": loss_messages.PROGRAMS_SKIPPED,
    "processes": loss_messages.NO_DETAILS,
    "names": loss_messages.NAMES_LOST,
    "lookups": loss_messages.TOO_MANY_LOOKUPS,
    "questions": loss_messages.QUESTIONS_DROPPED,
    "unread": loss_messages.ANSWERS_UNREAD,
    "ends_missed": loss_messages.END_SKIPPED,
    "unfollowed": loss_messages.NOT_FOLLOWED,
    "unfinished": loss_messages.UNFINISHED,
    "unfinished_details": loss_messages.DETAILS_UNFINISHED,
    "unprobed": loss_messages.PROGRAMS_UNPROBED,
}
LIMITS = {"flows": MAX_FLOWS, "untracked": MAX_PENDING, "unfollowed": MAX_FOLLOWED}
# What an output did not do with attempts, where it does not write them.
DROPPED = {"alerts": loss_messages.NOT_CHECKED}
WARNING = loss_messages.NEW.line(loss="")  # how lines begin that are no notices
ONCE = {"unprobed"}  # until the end: each start of a container may add some


class LossReport:
    """Reports what it has not reported before; if ``quiet``, no notices."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._next = 0.0
        self._said = NO_LOSSES
        self._dropped: dict[str, int] = {}
        self._dropped_in_all = 0

    def update(self, batch: Batch, outputs: Iterable[Output] = ()) -> None:
        """Report what does not work, and what was lost since the last report."""
        for warning in batch.warnings:
            if not self._quiet or warning.startswith(WARNING):
                say(warning)
        dropped = sum([output.dropped for output in outputs])
        if batch.losses is self._said and dropped == self._dropped_in_all:
            return
        if time.monotonic() >= self._next:
            lines = [*self._new(batch.losses), *self._new_dropped(outputs)]
            for line in lines:
                say(loss_messages.NEW.line(loss=line))
            if lines:
                self._next = time.monotonic() + PERIOD_S

    def _new(self, losses: Losses) -> Iterator[Line]:
        for name, lost in (losses - self._said).items():
            if not (name in ONCE and getattr(self._said, name)):
                yield _loss(name, lost)
        self._said = losses

    def _new_dropped(self, outputs: Iterable[Output]) -> Iterator[Line]:
        for output in outputs:
            said = self._dropped.get(output.name, 0)
            if output.dropped > said:
                yield _dropped(output.name, output.dropped - said)
                self._dropped[output.name] = output.dropped
        self._dropped_in_all = sum(self._dropped.values())

    def total(self, losses: Losses, outputs: Iterable[Output] = ()) -> None:
        """Report the totals."""
        lines = [_loss(name, lost) for name, lost in losses.items()]
        lines += [_dropped(o.name, o.dropped) for o in outputs if o.dropped]
        for line in lines:
            say(loss_messages.TOTAL.line(loss=line))


def _loss(name: str, count: int) -> Line:
    return MEANING[name].line(n=count, limit=LIMITS.get(name))


def _dropped(output: str, count: int) -> Line:
    message = DROPPED.get(output, loss_messages.NOT_WRITTEN)
    return message.line(n=count, output=output)
