"""Options about how attempts end."""

from __future__ import annotations

from tcpconnect.arguments import RESULTS, SHORT_TIME
from tcpconnect.options.option import Option

OUTCOME = (
    Option(
        ("-r", "--result"),
        "result",
        "include LAT(ms) and RESULT; a line then comes when its attempt ends",
    ),
    Option(("--failed",), "failed", "only attempts that did not end OK; implies -r"),
    Option(
        ("--results",),
        "results",
        "only these results, comma-separated: ECONNREFUSED, NXDOMAIN, OK, ...; "
        "implies -r. --result LIST is the same",
        RESULTS,
        repeats=True,
    ),
    Option(
        ("--why",),
        "why",
        "include WHY, why an attempt failed, and SYNS, how many it sent; implies -r",
    ),
    Option(
        ("--slower",),
        "slower_ms",
        "only attempts that took at least TIME (in ms, or 1.5s); implies -r",
        SHORT_TIME,
    ),
)
