"""The options of the verb top, and its keys."""

from __future__ import annotations

from tcpconnect.options.names import NAMES
from tcpconnect.options.option import Option
from tcpconnect.options.outcome import OUTCOME
from tcpconnect.options.run import RUN
from tcpconnect.options.where import WHERE
from tcpconnect.options.whose import WHOSE
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
# Those that decide what is traced; the screen has columns, counts and formats.
TRACED = (
    *WHOSE,
    *WHERE,
    *OUTCOME,
    *NAMES,
    *(option for option in RUN if option.member in {"duration", "ring_bytes"}),
)
KEYS = (
    ("Tab, Shift-Tab", "next view, the one before"),
    ("Enter", "last attempts of the row"),
    ("Esc", "back: from attempts, a row's filter, the words of /"),
    ("Up Down k j", "select a row; also PgUp PgDn Home End"),
    ("/", "show rows that have these words"),
    ("f", "show only what has this row's program and destination"),
    ("s S", "sort by the next column, the one before"),
    ("r", "reverse the order"),
    ("p Space", "pause, and go on"),
    ("+ -", "longer, shorter interval"),
    ("y", "the tcpconnect command that shows this row"),
    ("o", "the output of the command behind --"),
    ("?", "this help"),
    ("q", "quit; the command behind -- is asked to end"),
)
