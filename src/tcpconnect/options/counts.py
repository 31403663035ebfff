"""Options about counts of attempts."""

from __future__ import annotations

from tcpconnect.arguments import BY, TIME
from tcpconnect.options.option import Option
from tcpconnect.values import Value

COUNTS = (
    Option(("-c", "--count"), "count", "count connects per src ip and dest ip/port"),
    Option(
        ("-i", "--interval"),
        "interval_s",
        "with -c: a table each TIME (in s), of what happened in it",
        TIME,
    ),
    Option(
        ("--by",),
        "by",
        "with -c: count by these columns: comm,dport. --by help lists them",
        BY,
    ),
    Option(
        ("--sort",),
        "sort",
        "with -c: sort by this column of the table: failed. --sort help lists them",
        Value("COLUMN"),
    ),
    Option(
        ("--clear",),
        "clear",
        "with -c -i: clear the terminal before each table",
    ),
    Option(
        ("--histogram",),
        "histogram",
        "with -c: draw a histogram of all latencies below the table",
    ),
)
