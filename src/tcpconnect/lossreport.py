"""Says what was lost: while tracing, at most once a second, and in total at the end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tcpconnect.batch import NO_LOSSES
from tcpconnect.kernel.attempts import MAX_FLOWS, MAX_PENDING
from tcpconnect.kernel.filters import MAX_FOLLOWED
from tcpconnect.output import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tcpconnect.batch import Batch, Losses, Output

PERIOD_S = 1.0

# Member of Losses: what it means and what helps.
MEANING = {
    "ring": "{} attempts lost: the ring buffer was full; "
    "write to a file, or trace less with -p, -u or -P",
    "flows": f"{{}} attempts not counted: there were more than {MAX_FLOWS} flows; "
    "trace less with -p, -u or -P",
    "untracked": f"{{}} attempts without a result: more than {MAX_PENDING} were open; "
    "trace less with -p, -u or -P",
    "missed": "{} attempts of this machine lost: the kernel skipped all programs "
    "for them",
    "processes": "{} attempts without their exe, cmdline and cgroup: half of the ring "
    "buffer was full, or reading them would have delayed lines; name fewer of these "
    "columns, or trace less with -p, -u or -P",
    "names": "{} names lost: half of the ring buffer was full, or reading them would "
    "have delayed lines; use one source, --names dns or --names libc",
    "questions": "{} DNS questions not kept: a socket had more than 112 open; names or "
    "DNS(ms) may be missing",
    "unread": "{} DNS answers not read: they were malformed or cut",
    "ends_missed": "{} attempts without a result: the kernel skipped all programs for "
    "their end",
    "unfollowed": f"{{}} processes not followed: more than {MAX_FOLLOWED} were traced",
    "unfinished": "{} attempts lost: another CPU had not finished their records",
    "unfinished_details": "{} names or processes lost: another CPU had not finished "
    "their records",
    "unprobed": "{} programs of this machine ended before their C library, which was "
    "new, could be probed; their names come from DNS only",
}
ONCE = {"unprobed"}  # until the end: each start of a container may add some


DROPPED = "{} attempts not written to {}: it does not take them as fast as they come"


class LossReport:
    """Remembers what it has said."""

    def __init__(self) -> None:
        self._next = 0.0
        self._said = NO_LOSSES
        self._dropped: dict[str, int] = {}

    def tell(self, batch: Batch, outputs: Iterable[Output] = ()) -> None:
        """Say what does not work, and what was lost since the last warning."""
        for warning in batch.warnings:
            say(f"tcpconnect: {warning}")
        if time.monotonic() >= self._next:
            lines = [*self._new(batch.losses), *self._new_dropped(outputs)]
            for line in lines:
                say(f"tcpconnect: warning: {line}")
            if lines:
                self._next = time.monotonic() + PERIOD_S

    def _new(self, losses: Losses) -> Iterator[str]:
        for name, lost in (losses - self._said).items():
            if not (name in ONCE and getattr(self._said, name)):
                yield MEANING[name].format(lost)
        self._said = losses

    def _new_dropped(self, outputs: Iterable[Output]) -> Iterator[str]:
        for output in outputs:
            said = self._dropped.get(output.name, 0)
            if output.dropped > said:
                yield DROPPED.format(output.dropped - said, output.name)
                self._dropped[output.name] = output.dropped

    def total(self, losses: Losses, outputs: Iterable[Output] = ()) -> None:
        """Say what was lost in all."""
        lines = [MEANING[name].format(lost) for name, lost in losses.items()]
        dropped = [(o.dropped, o.name) for o in outputs if o.dropped]
        for line in [*lines, *(DROPPED.format(*each) for each in dropped)]:
            say(f"tcpconnect: in total, {line}")
