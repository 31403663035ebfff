"""A flow of ``-c``: what was counted for one source, destination and port."""

from typing import Annotated

import msgspec

from tcpconnect.connection import LOOPBACK, NO_QUERY
from tcpconnect.fields import BAD, ODD, Field, columns_of, slow


def _tone(failed: int) -> str:
    return BAD if failed else ""


def _second_look(resent: int) -> str:
    return ODD if resent else ""


class Flow(msgspec.Struct, gc=False):
    """Attempts from one address to one address and port; or lookups that failed."""

    # None: lookups of a name that gave no address.
    saddr: Annotated[str | None, Field("LADDR", 21, "source address")]
    daddr: Annotated[str | None, Field("RADDR", 26, "destination address")]
    dport: Annotated[int | None, Field("RPORT", 17, "destination port", "d")]
    connects: Annotated[int, Field("CONNECTS", 8, "attempts that began", "d")]
    ok: Annotated[int, Field("OK", 8, "attempts that succeeded", "d")]
    failed: Annotated[
        int,
        Field(
            "FAILED", 8, "attempts that ended otherwise, or lookups", "d", tone=_tone
        ),
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
    resent: Annotated[
        int | None,
        Field(
            "RESENT",
            8,
            "ended ones that took more than one SYN",
            "d",
            tone=_second_look,
            needs="why",
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
        if self.names_differ and self.query != LOOPBACK.get(self.daddr or ""):
            return f"{self.query}?"
        return self.query


FLOW = columns_of(Flow)
