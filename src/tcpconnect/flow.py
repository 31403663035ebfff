"""A flow of ``-c``: what was counted for one source, destination and port."""

from typing import Annotated

import msgspec

from tcpconnect import fit, tones
from tcpconnect.fields import Field, columns_of
from tcpconnect.fit import Fit
from tcpconnect.query import LOOPBACK, NO_QUERY

# Both addresses and the numbers are as narrow as they are, where there is no room.
FROM, TO = Fit(2, 5, most=39, whole=True), Fit(0, 5, most=39, whole=True)
OK, FEW = Fit(6, 2, whole=True), Fit(0, 5, whole=True)


class Flow(msgspec.Struct, gc=False):
    """Attempts from one address to one address and port; or lookups that failed."""

    # None: lookups of a name that gave no address.
    saddr: Annotated[str | None, Field("LADDR", 21, "source address", fit=FROM)]
    daddr: Annotated[str | None, Field("RADDR", 26, "destination address", fit=TO)]
    dport: Annotated[int | None, Field("RPORT", 17, "destination port", "d", fit=FEW)]
    connects: Annotated[
        int, Field("CONNECTS", 8, "attempts that began", "d", fit=fit.ALWAYS)
    ]
    ok: Annotated[int, Field("OK", 8, "attempts that succeeded", "d", fit=OK)]
    failed: Annotated[
        int,
        Field(
            "FAILED",
            8,
            "attempts that ended otherwise, or lookups",
            "d",
            tone=tones.of_failed,
            fit=FEW,
        ),
    ]
    latency_avg_ms: Annotated[
        float | None,
        Field(
            "AVG-LAT",
            11,
            "mean latency of the ended ones",
            ".3f",
            tone=tones.of_latency,
            unit="ms",
            needs="result",
            fit=fit.ASKED,
        ),
    ] = None
    latency_max_ms: Annotated[
        float | None,
        Field(
            "MAX-LAT",
            11,
            "largest latency of the ended ones",
            ".3f",
            tone=tones.of_latency,
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
            tone=tones.of_resent,
            needs="why",
            fit=fit.EXTRA,
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
            fit=fit.TEXT,
        ),
    ] = None
    pending: Annotated[
        int, Field("PENDING", 8, "attempts that have not ended", "d", needs="result")
    ] = 0
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
