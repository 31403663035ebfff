"""The options of the verb top, and its keys."""

from __future__ import annotations

from tcpconnect.options.names import NAMES
from tcpconnect.options.option import VERSION, Option
from tcpconnect.options.outcome import OUTCOME
from tcpconnect.options.run import RUN
from tcpconnect.options.show import SHOW
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
SHOWN = {"timestamp", "clock", "print_uid", "lport", "color", "quiet", "summary"}
RUNS = {"duration", "limit", "ring_bytes", VERSION}
TRACED = (
    *WHOSE,
    *WHERE,
    *OUTCOME,
    *(option for option in NAMES if option.member != "dns_latency"),
    *(option for option in SHOW if option.member in SHOWN),
    *(option for option in RUN if option.member in RUNS),
)
COUNTED = "it always counts, and sorts by keys"
VIEWED = "its views have columns of their own"
# Members that it does not take: why not.
REFUSED = {
    **dict.fromkeys(("count", "by", "sort", "clear", "histogram"), COUNTED),
    **dict.fromkeys(("columns", "dns_latency", "format", "json", "wide"), VIEWED),
    "outputs": "it draws on the terminal, and shows what tcpconnect -o has recorded",
    **dict.fromkeys(("check", "schema"), "it shows attempts only"),
}
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
    ("y", "the tcpconnect command that shows the same"),
    ("o", "the output of the command behind --"),
    ("?", "this help"),
    ("q", "quit; the command behind -- is asked to end"),
)
