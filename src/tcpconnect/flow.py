"""A flow of ``-c``: what was counted for one source, destination and port."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec

from tcpconnect.connection import LOOPBACK, NO_QUERY, address
from tcpconnect.fields import BAD, Field, columns_of, slow


def _tone(failed: int) -> str:
    return BAD if failed else ""


class Flow(msgspec.Struct, gc=False):
    """Attempts from one address to one address and port."""

    saddr: Annotated[str, Field("LADDR", 21, "source address")]
    daddr: Annotated[str, Field("RADDR", 26, "destination address")]
    dport: Annotated[int, Field("RPORT", 17, "destination port", "d")]
    connects: Annotated[
        int, Field("CONNECTS", 8, "attempts that began", "d", kept_below=0)
    ]
    ok: Annotated[int, Field("OK", 8, "attempts that succeeded", "d", kept_below=0)]
    failed: Annotated[
        int, Field("FAILED", 8, "attempts that ended otherwise", "d", tone=_tone)
    ]
    latency_avg_ms: Annotated[
        float | None,
        Field("AVG-LAT(ms)", 11, "mean latency of the ended ones", ".3f", tone=slow),
    ] = None
    latency_max_ms: Annotated[
        float | None,
        Field("MAX-LAT(ms)", 11, "largest latency of the ended ones", ".3f", tone=slow),
    ] = None
    query: Annotated[
        str | None,
        Field("QUERY", 32, "newest name of the destination", cell="query_text"),
    ] = None
    netnses: tuple[int, ...] = ()  # where names are sought; no column, as the next
    names_differ: bool = False  # the destination has others, too

    @property
    def query_text(self) -> str:
        """The name as bcc's tcpconnect shows it; ``?`` where it is one of several."""
        if self.query is None:
            return NO_QUERY
        if self.names_differ and self.query != LOOPBACK.get(self.daddr):
            return f"{self.query}?"
        return self.query


FLOW = columns_of(Flow)


class _Counted:
    """What was counted of a flow, in all network namespaces together."""

    def __init__(self) -> None:
        self.connects = self.ok = self.failed = self.total_ns = self.max_ns = 0
        self.netnses: set[int] = set()

    def add(
        self,
        netns: int,
        connects: int,
        ok: int = 0,
        failed: int = 0,
        total_ns: int = 0,
        max_ns: int = 0,
    ) -> None:
        self.connects += connects
        self.ok += ok
        self.failed += failed
        self.total_ns += total_ns
        self.max_ns = max(self.max_ns, max_ns)
        self.netnses.add(netns)


def decode_flows(
    entries: Iterable[tuple[Any, ...]], pending: Iterable[tuple[Any, ...]]
) -> list[Flow]:
    """Decode the members of struct flow and struct flow_counts, most connects first.

    ``pending`` are records of attempts that are not counted yet.
    """
    counts: defaultdict[tuple[bytes, bytes, int], _Counted] = defaultdict(_Counted)
    for saddr, daddr, dport, *counted in entries:
        counts[saddr, daddr, dport].add(*counted)
    for _, _, _, saddr, daddr, _, _, _, _, _, dport, *_, netns, _ in pending:
        counts[saddr, daddr, dport].add(netns, 1)
    flows = [_flow(*flow, counted) for flow, counted in counts.items()]
    flows.sort(key=lambda flow: (-flow.connects, flow.saddr, flow.daddr, flow.dport))
    return flows


def _flow(saddr: bytes, daddr: bytes, dport: int, counted: _Counted) -> Flow:
    ended = counted.ok + counted.failed
    return Flow(
        address(saddr),
        address(daddr),
        dport,
        counted.connects,
        counted.ok,
        counted.failed,
        counted.total_ns // ended // 1000 / 1000 if ended else None,
        counted.max_ns // 1000 / 1000 if ended else None,
        netnses=tuple(sorted(counted.netnses)),
    )
