"""Flows, decoded from what the kernel's programs have counted."""

from __future__ import annotations

import gc
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tcpconnect.decode import ANY, address
from tcpconnect.flow import Flow
from tcpconnect.kernel.records import ATTEMPT, ORIGIN, PENDING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tcpconnect.lookup import Failed

MAX_FAILED = 131072  # as many as there may be flows


class _Counted:
    """The counts of a flow, summed over all network namespaces."""

    __slots__ = (
        *("connects", "failed", "max_ns", "netnses", "ok"),
        *("pending", "refused", "resent", "total_ns"),
    )

    def __init__(self) -> None:
        self.connects = self.ok = self.failed = self.resent = self.refused = 0
        self.total_ns = self.max_ns = self.pending = 0
        self.netnses: set[int] = set()

    def add(
        self,
        netns: int,
        connects: int,
        ok: int = 0,
        failed: int = 0,
        total_ns: int = 0,
        max_ns: int = 0,
        resent: int = 0,
        refused: int = 0,
    ) -> None:
        self.connects += connects
        self.ok += ok
        self.failed += failed
        self.resent += resent
        self.total_ns += total_ns
        self.max_ns = max(self.max_ns, max_ns)
        self.refused += refused
        self.netnses.add(netns)


class FailedLookups:
    """Lookups that failed, counted by name, for so many names."""

    def __init__(self) -> None:
        self.lost = 0
        self._counts: dict[str, int] = {}

    def add(self, failed: Iterable[Failed]) -> None:
        """Count them."""
        for each in failed:
            if each.name in self._counts or len(self._counts) < MAX_FAILED:
                self._counts[each.name] = self._counts.get(each.name, 0) + 1
            else:
                self.lost += 1

    def flows(self) -> list[Flow]:
        """Return a flow without addresses for each name, most failures first."""
        counts = sorted(self._counts.items(), key=lambda each: (-each[1], each[0]))
        return [
            Flow(None, None, None, 0, 0, failed, query=name) for name, failed in counts
        ]


@contextmanager
def without_collector() -> Iterator[None]:
    """Make up to 131,072 flows while the garbage collector is off.

    That takes a third of the time.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def decode_flows(
    entries: Iterable[tuple[Any, ...]],
    still_open: Iterable[bytes],
    *,
    counted_at_end: bool = False,
) -> list[Flow]:
    """Decode the members of struct flow and struct flow_counts, most connects first.

    ``still_open`` are records of attempts that have not ended; ``counted_at_end``: the
    entries do not have those yet.
    """
    counts: defaultdict[tuple[bytes, bytes, int], _Counted] = defaultdict(_Counted)
    for saddr, daddr, dport, *counted in entries:
        counts[saddr, daddr, dport].add(*counted)
    for record in still_open:
        attempt = ATTEMPT.unpack_from(record)
        _, _, _, saddr, daddr, _, _, _, _, _, dport, result, *_ = attempt
        *_, netns, _ = ORIGIN.unpack_from(record, ATTEMPT.size)
        if counted_at_end:
            counts[saddr, daddr, dport].add(netns, 1)
        counts[saddr, daddr, dport].pending += result == PENDING
    flows = [_flow(*flow, counted) for flow, counted in counts.items()]
    flows.sort(
        key=lambda flow: (-flow.connects, flow.saddr or "", flow.daddr, flow.dport)
    )
    return flows


def _flow(saddr: bytes, daddr: bytes, dport: int, counted: _Counted) -> Flow:
    source = address(saddr)
    ended = counted.ok + counted.failed - counted.refused
    return Flow(
        None if source in ANY else source,  # of what was refused
        address(daddr),
        dport,
        counted.connects,
        counted.ok,
        counted.failed,
        counted.total_ns // ended // 1000 / 1000 if ended else None,
        counted.max_ns // 1000 / 1000 if ended else None,
        pending=counted.pending,
        resent=counted.resent,
        netnses=tuple(sorted(counted.netnses)),
    )
