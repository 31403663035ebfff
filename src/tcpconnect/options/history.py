"""The options of the verb history."""

from __future__ import annotations

from msgspec.structs import replace

from tcpconnect.arguments import BY, COLUMNS, HOSTS, NUMBER
from tcpconnect.options.counts import COUNTS
from tcpconnect.options.names import NAMES
from tcpconnect.options.option import Option
from tcpconnect.options.outcome import OUTCOME
from tcpconnect.options.report import REPORT
from tcpconnect.options.run import RUN
from tcpconnect.options.show import SHOW
from tcpconnect.options.where import WHERE
from tcpconnect.options.whose import WHOSE
from tcpconnect.values import Value

FAILING = 10  # attempts, of which half have failed
_NOT_KEPT = "it was not recorded"
_ALWAYS = "it is always shown"
_PROGRAM = "--program has who connects"
# Members of what no history answers: why, and what does. The parser takes them all.
REFUSED = {
    "pids": (_NOT_KEPT, _PROGRAM),
    "follow": (_NOT_KEPT, _PROGRAM),
    "comms": ("names of threads were not recorded", "use --program"),
    "not_comms": ("names of threads were not recorded", _PROGRAM),
    "cgroups": (_NOT_KEPT, "use --unit, --pod or --container"),
    "netns": (_NOT_KEPT, "use --container or --pod"),
    "cgroupmap": (_NOT_KEPT, "use --unit, --pod or --container"),
    "mntnsmap": (_NOT_KEPT, "use --container or --pod"),
    "from_": ("source addresses were not recorded", _PROGRAM),
    "slower_ms": ("attempts are counted", "--slow has the slowest first"),
    "result": (_ALWAYS, "omit it; --results LIST chooses"),
    "why": (_ALWAYS, "omit it; --by why counts by it"),
    "dns": ("names are always shown", "omit it"),
    "dns_latency": ("names are always shown", "omit it"),
    "count": ("attempts are always counted", "omit it"),
    "interval_s": ("attempts are counted", "--by hour has each hour"),
    "duration": ("it is over", "--since and --until choose a time"),
}
_TRACE = (*WHOSE, *WHERE, *OUTCOME, *NAMES, *COUNTS, *RUN)
_RENAMED = {
    "by": "count by these: program,destination,dport (default), result, why, hour, "
    "unit, pod, container, uid, query, and host in a fleet",
    "sort": "sort by this column of the table: failed",
    "limit": "show N rows",
    "columns": "show these columns, comma-separated; --columns help lists them all",
}
_GROUPS = tuple(
    "program destination dport result why hour unit pod container uid".split()
)
_GROUPS += ("query", "host")
_SUMS = tuple("attempts failed latency_ms latency_max_ms first last".split())
_COMPLETED = {
    "by": replace(BY, completion="list", words=_GROUPS),
    "sort": Value("COLUMN", completion="words", words=(*_GROUPS, *_SUMS)),
    "limit": NUMBER,
    "columns": replace(COLUMNS, completion="list", words=(*_GROUPS, *_SUMS)),
}


def _hidden(option: Option) -> Option:
    value = option.value and Value(option.metavar)  # it is refused, whatever it is
    return replace(option, help="", value=value, repeats=False)


HISTORY = (
    *(
        replace(option, help=option.help.replace("default -24h", "default -1h"))
        for option in REPORT
        if option.member in {"since", "until"}
    ),
    Option(
        ("--program",),
        "programs",
        "only this program, as PROGRAM has it; comma-separated; wildcards: 'php*'",
        replace(HOSTS, metavar="NAME"),
        repeats=True,
    ),
    *(
        replace(option, help=_RENAMED[option.member], value=_COMPLETED[option.member])
        for option in (*COUNTS, *SHOW, *RUN)
        if option.member in _RENAMED
    ),
    Option(
        ("--failing",),
        "failing",
        "only what fails: at least 10 attempts, and half of them failed; --failing=N: "
        "at least N",
        const=FAILING,
    ),
    Option(("--failing-of",), "failing", "", NUMBER),  # --failing=N
    Option(
        ("--slow",),
        "slow",
        "only attempts that succeeded, the slowest on average first",
    ),
    Option(
        ("--new",),
        "new",
        "only what a program reached for the first time",
    ),
    Option(
        ("--accept",),
        "accept",
        "with --new: have no alert report as new what is shown",
    ),
    Option(("--alerts",), "alerts", "show what alerts have said"),
    Option(
        ("--status",),
        "status",
        "show whether a recorder runs, how large the history is, gaps and losses",
    ),
    Option(("--sql",), "sql", "print the SQL statement that finds the answer"),
    Option(
        ("--forget",),
        "forget",
        "delete all rows of this program or destination; it does not ask",
        Value("NAME"),
    ),
    *(
        replace(
            option,
            help="the history: a FILE of SQLite (default /var/lib/tcpconnect/"
            "history.db), or a fleet's: clickhouse://HOST/DATABASE, "
            "postgresql://HOST/DATABASE",
        )
        for option in REPORT
        if option.member == "db"
    ),
    *(_hidden(option) for option in _TRACE if option.member in REFUSED),
)
_SHARED = {"uids", "containers", "not_containers", "pods", "units"}
_SHARED |= {"ports", "not_ports", "to", "not_to", "ip", "failed", "results", "to_names"}
_OUTPUTS = {"format", "json", "color", "wide"}
_SHARED |= _OUTPUTS
# Those that mean the same for what was recorded.
ASKED = tuple(option for option in (*_TRACE, *SHOW) if option.member in _SHARED)
# The filters among them, which a report takes, too.
PROGRAMS = tuple(option for option in HISTORY if option.member == "programs")
CHOOSING = tuple(option for option in ASKED if option.member not in _OUTPUTS)
