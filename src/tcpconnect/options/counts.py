"""Options about counts of attempts."""

from __future__ import annotations

from tcpconnect.options.option import Option

COUNTS = (
    Option(("-c", "--count"), "count", "count connects per src ip and dest ip/port"),
    Option(
        ("--histogram",),
        "histogram",
        "with -c: draw a histogram of all latencies below the table",
    ),
)
