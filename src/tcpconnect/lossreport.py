"""Says what was lost: while tracing, at most once a second, and in total at the end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tcpconnect.bpf.kernel import MAX_FLOWS, MAX_PENDING
from tcpconnect.bpf.selection import MAX_FOLLOWED
from tcpconnect.output import say

if TYPE_CHECKING:
    from tcpconnect.bpf.kernel import Losses

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
    "buffer was full; name fewer of these columns, or trace less with -p, -u or -P",
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


class LossReport:
    """Remembers what it has said."""

    def __init__(self) -> None:
        self._next = 0.0
        self._said: Losses | None = None

    def warn(self, losses: Losses) -> None:
        """Say what was lost since the last warning, if it is time."""
        if not any(losses) or losses == self._said or time.monotonic() < self._next:
            return
        before = self._said or (0,) * len(losses)
        for name, now, then in zip(losses._fields, losses, before, strict=True):
            if now > then and not (then and name in ONCE):
                say(f"tcpconnect: warning: {MEANING[name].format(now - then)}")
        self._said = losses
        self._next = time.monotonic() + PERIOD_S

    def total(self, losses: Losses) -> None:
        """Say what was lost in all."""
        for name, count in zip(losses._fields, losses, strict=True):
            if count:
                say(f"tcpconnect: in total, {MEANING[name].format(count)}")
