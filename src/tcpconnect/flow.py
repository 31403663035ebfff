"""A flow of ``-c``: what was counted for one source, destination and port."""

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec

from tcpconnect.connection import NO_QUERY, address
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

    @property
    def query_text(self) -> str:
        """The name as bcc's tcpconnect shows it."""
        return NO_QUERY if self.query is None else self.query


FLOW = columns_of(Flow)


def decode_flows(
    entries: Iterable[tuple[bytes, bytes, int, int, int, int, int, int]],
    pending: Iterable[tuple[Any, ...]],
) -> list[Flow]:
    """Decode the members of struct flow and struct flow_counts, most connects first.

    ``pending`` are records of attempts that are not counted yet.
    """
    counts = {entry[:3]: list(entry[3:]) for entry in entries}
    for _, _, _, saddr, daddr, _, _, _, _, _, dport, *_ in pending:
        counts.setdefault((saddr, daddr, dport), [0, 0, 0, 0, 0])[0] += 1
    flows = []
    for (saddr, daddr, dport), counted in counts.items():
        connects, ok, failed, total_ns, max_ns = counted
        ended = ok + failed
        flows.append(
            Flow(
                address(saddr),
                address(daddr),
                dport,
                connects,
                ok,
                failed,
                total_ns // ended // 1000 / 1000 if ended else None,
                max_ns // 1000 / 1000 if ended else None,
            )
        )
    flows.sort(key=lambda flow: (-flow.connects, flow.saddr, flow.daddr, flow.dport))
    return flows
