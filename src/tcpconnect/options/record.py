"""The options of the verb record."""

from __future__ import annotations

from tcpconnect.amounts import Age
from tcpconnect.options.alerts import ALERTS
from tcpconnect.options.metrics import METRICS
from tcpconnect.options.option import Option
from tcpconnect.options.remote import REMOTE
from tcpconnect.options.show import SHOW
from tcpconnect.options.top import SHOWN, TRACED
from tcpconnect.schemes import checked
from tcpconnect.values import Range, Size, Value

KEEP = Age("1d", "3650d")
KEEP_DAYS = Range("number of days", 1, 3650)
MAX_SIZE = Size(1 << 20)

RECORD = (
    Option(
        ("-o", "--output"),
        "outputs",
        "write to PLACE instead of the history of this machine, "
        "sqlite:/var/lib/tcpconnect/history.db: another sqlite:PATH, or what a trace "
        "writes to. May be given again",
        Value("PLACE", lambda place: {checked(place)}, completion="file"),
        repeats=True,
    ),
    Option(
        ("--keep",),
        "keep_s",
        "keep rows of an hour for TIME (default 30d); those of a minute stay for 48h",
        Value("TIME", KEEP.parse),
    ),
    Option(
        ("--keep-days",),
        "keep_days",
        "keep rows of a day for DAYS (default 400)",
        Value("DAYS", KEEP_DAYS.parse, KEEP_DAYS.check),
    ),
    Option(
        ("--max-size",),
        "max_size",
        "keep the history, with its log, below SIZE (default 200M): the finest and "
        "oldest rows go first",
        Value("SIZE", MAX_SIZE.parse, MAX_SIZE.check),
    ),
    Option(
        ("--cmdlines",),
        "cmdlines",
        "have command lines in recordings (FILE.jsonl), which may hold secrets",
    ),
    Option(("--check",), "check", "open every place, check this machine, and exit"),
    *REMOTE,
    *METRICS,
    *ALERTS,
)
# What it traces.
NOT_TAKEN = (SHOWN | {"limit"}) - {"quiet"}
ROTATING = tuple(o for o in SHOW if o.member in {"rotate", "keep_files"})
RECORDED = (*(o for o in TRACED if o.member not in NOT_TAKEN), *ROTATING)
