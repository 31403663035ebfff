"""A flow of ``-c``: what was counted for one source, destination and port."""

from typing import Annotated

import msgspec

from tcpconnect.connection import LOOPBACK, NO_QUERY
from tcpconnect.fields import BAD, Field, columns_of, slow


def _tone(failed: int) -> str:
    return BAD if failed else ""


class Flow(msgspec.Struct, gc=False):
    """Attempts from one address to one address and port."""

    saddr: Annotated[str, Field("LADDR", 21, "source address")]
    daddr: Annotated[str, Field("RADDR", 26, "destination address")]
    dport: Annotated[int, Field("RPORT", 17, "destination port", "d")]
    connects: Annotated[int, Field("CONNECTS", 8, "attempts that began", "d")]
    ok: Annotated[int, Field("OK", 8, "attempts that succeeded", "d")]
    failed: Annotated[
        int, Field("FAILED", 8, "attempts that ended otherwise", "d", tone=_tone)
    ]
    latency_avg_ms: Annotated[
        float | None,
        Field(
            "AVG-LAT",
            11,
            "mean latency of the ended ones",
            ".3f",
            tone=slow,
            unit="ms",
            needs="result",
        ),
    ] = None
    latency_max_ms: Annotated[
        float | None,
        Field(
            "MAX-LAT",
            11,
            "largest latency of the ended ones",
            ".3f",
            tone=slow,
            unit="ms",
            needs="result",
        ),
    ] = None
    query: Annotated[
        str | None,
        Field(
            "QUERY",
            32,
            "newest name of the destination",
            cell="query_text",
            needs="dns",
        ),
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
