"""The options that only the verb top has."""

from __future__ import annotations

from tcpconnect.options.option import Option
from tcpconnect.values import Range, Value

INTERVAL = Range("number of seconds", 1, 3600)

TOP = (
    Option(
        ("-i", "--interval"),
        "interval",
        "rates are of so many SECONDS (default 1)",
        Value("SECONDS", INTERVAL.parse, INTERVAL.check),
    ),
    Option(
        ("--once",),
        "once",
        "print one frame to stdout, and exit",
    ),
)
