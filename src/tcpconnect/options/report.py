"""The options of the verb report."""

from __future__ import annotations

from tcpconnect.options.option import Option
from tcpconnect.values import Value


def _moment(text: str) -> int:
    import time

    from tcpconnect.moments import moment

    return moment(text, time.time())


MOMENT = Value("TIME", _moment)
FILE = Value("FILE", completion="file")

REPORT = (
    Option(
        ("--since",),
        "since",
        "from when on: -2h, 22:00, 'yesterday 22:00', 2026-11-27 (default -24h)",
        MOMENT,
    ),
    Option(("--until",), "until", "the end, in the same words (default now)", MOMENT),
    Option(
        ("--db",),
        "db",
        "the history to read (default /var/lib/tcpconnect/history.db)",
        FILE,
    ),
    Option(
        ("-o", "--output"),
        "output",
        "write the page to FILE; - is stdout, which it goes to by default, unless that "
        "is a terminal",
        FILE,
    ),
    Option(
        ("--anonymize",),
        "anonymize",
        "let words such as program-1 stand for programs, names, addresses and hosts; "
        "ports and results stay",
    ),
)
