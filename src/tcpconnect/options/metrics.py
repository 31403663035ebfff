"""Options about metrics."""

from __future__ import annotations

from tcpconnect.options.option import Option
from tcpconnect.values import Range, Value

SERIES = Range("number of series", 400, 100_000)

METRICS = (
    Option(
        ("--max-series",),
        "max_series",
        "with -o prometheus://: count in at most N series (default 2000); what has no "
        "room is counted in ~other",
        Value("N", SERIES.parse, SERIES.check),
    ),
)
