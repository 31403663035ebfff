"""Which columns are shown, by the options: the letters are shorthands for columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from tcpconnect.connection import CONNECTION
from tcpconnect.errors import UsageError
from tcpconnect.fields import choose
from tcpconnect.flow import FLOW
from tcpconnect.settings import BASICS, DETAILS, Settings

if TYPE_CHECKING:
    from tcpconnect.parsing import CommandLine

# Column: the option that adds it to a table, None for those that are always there.
TABLE = {
    "elapsed_s": "timestamp",
    "uid": "print_uid",
    "pid": None,
    "comm": None,
    "ip": None,
    "saddr": None,
    "lport": "lport",
    "daddr": None,
    "dport": None,
    "dns_ms": "dns_latency",
    "latency_ms": "result",
    "result": "result",
    "query": "dns",
}
MACHINE = {
    "elapsed_s": "timestamp",
    "time": None,
    "pid": None,
    "tid": None,
    "uid": None,
    "comm": None,
    "ip": None,
    "saddr": None,
    "lport": None,
    "daddr": None,
    "dport": None,
    "netns": None,
    "result": "result",
    "latency_ms": "result",
    "query": "dns",
    "query_source": "dns",
    "query_age_ms": "dns",
    "dns_ms": "dns_latency",
}
# CSV gets a new column only when it is asked for: docs/output.md.
JSON = {**MACHINE, "query_scope": "dns"}
LAYOUTS = {"table": TABLE, "json": JSON}
FLOWS = {
    "saddr": None,
    "daddr": None,
    "dport": None,
    "connects": None,
    "ok": None,
    "failed": None,
    "latency_avg_ms": "result",
    "latency_max_ms": "result",
    "query": "dns",
}

# What of Settings fills a column, when --columns names it.
FILLED_BY = {
    "lport": {"lport"},
    "result": {"latency_ms", "result", "latency_avg_ms", "latency_max_ms"},
    "dns": {"query", "query_source", "query_scope", "query_age_ms", "dns_ms"},
}


class View:
    """The format and columns of the output, and the settings that fill them.

    Raises UsageError for options that make no sense together, and unknown columns.
    """

    def __init__(self, line: CommandLine) -> None:
        asked = Settings(**line.changes)
        self.format = line.format or ("json" if line.json else "table")
        if line.json and self.format != "json":
            raise UsageError(
                f"-j conflicts with --format {self.format}", "", "leave one out"
            )
        shown = _shown_by(line, asked)
        _check_letters(line, shown)
        if line.histogram and not (asked.count and self.format == "table"):
            remedy = "leave the format out" if asked.count else "add -c"
            raise UsageError("--histogram is drawn below the table of -c", "", remedy)
        table = FLOW if asked.count else CONNECTION
        filled: dict[str, bool] = {}
        if line.columns is not None:
            self.columns = choose(table, map(str.strip, line.columns.split(",")))
            names = {column.name for column in self.columns}
            filled = {n: True for n, columns in FILLED_BY.items() if columns & names}
        else:
            layout = FLOWS if asked.count else LAYOUTS.get(self.format, MACHINE)
            self.columns = choose(table, [n for n, by in layout.items() if shown[by]])
            names = {column.name for column in self.columns}
        self.settings = replace(
            asked, details=DETAILS & names, basics=BASICS & names, **filled
        )


def _shown_by(line: CommandLine, settings: Settings) -> dict[str | None, bool]:
    """Return which of the options in the layouts are given or implied."""
    return {
        None: True,
        "timestamp": line.timestamp,
        "print_uid": line.print_uid,
        "lport": settings.lport,
        "result": settings.with_result,
        "dns": settings.named,
        "dns_latency": settings.dns_latency,
    }


def _check_letters(line: CommandLine, shown: dict[str | None, bool]) -> None:
    """Refuse letters that would do nothing."""
    letters = {"-t": "timestamp", "-U": "print_uid", "-L": "lport"}
    given = [letter for letter, name in letters.items() if shown[name]]
    if given and line.count:
        raise UsageError(
            f"{given[0]} does not go with -c",
            "it counts per address and port",
            f"leave {given[0]} out",
        )
    if given and line.columns is not None:
        raise UsageError(
            f"{given[0]} does not go with --columns",
            "the list says all columns",
            "name its column there; --columns help lists them",
        )
