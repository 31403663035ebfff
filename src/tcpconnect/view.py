"""Which columns are shown, by the options: the letters are shorthands for columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.connection import CONNECTION
from tcpconnect.errors import UsageError
from tcpconnect.fields import choose
from tcpconnect.flow import FLOW
from tcpconnect.settings import BASICS, DETAILS

if TYPE_CHECKING:
    from argparse import Namespace


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

# Columns that need an option to be filled, when --columns names them.
RESULT_COLUMNS = {"latency_ms", "result", "latency_avg_ms", "latency_max_ms"}
NAME_COLUMNS = {"query", "query_source", "query_scope", "query_age_ms", "dns_ms"}


class View:
    """The format and columns of the output; completes the options they imply.

    ``details`` and ``basics`` are what the columns need to know of who connects.

    Raises UsageError for options that make no sense together, and unknown columns.
    """

    def __init__(self, options: Namespace) -> None:
        self.format = options.format or ("json" if options.json else "table")
        if options.json and self.format != "json":
            raise UsageError(f"-j is not --format {self.format}", "", "leave one out")
        _check_letters(options)
        if options.histogram and not (options.count and self.format == "table"):
            remedy = "leave the format out" if options.count else "add -c"
            raise UsageError("--histogram is drawn below the table of -c", "", remedy)
        options.result |= options.failed or options.slower > 0 or options.dns_latency
        options.dns |= options.dns_latency
        table = FLOW if options.count else CONNECTION
        if options.columns is not None:
            self.columns = choose(table, map(str.strip, options.columns.split(",")))
        else:
            self.columns = choose(table, _by_letters(options, self.format))
        if options.columns is not None:
            names = {column.name for column in self.columns}
            options.lport |= "lport" in names
            options.result |= bool(RESULT_COLUMNS & names)
            options.dns |= bool(NAME_COLUMNS & names)
            options.dns_latency |= "dns_ms" in names
        self.details = DETAILS.intersection(column.name for column in self.columns)
        self.basics = BASICS.intersection(column.name for column in self.columns)


def _by_letters(options: Namespace, output_format: str) -> list[str]:
    layout = LAYOUTS.get(output_format, MACHINE)
    if options.count:
        layout = FLOWS
    return [n for n, option in layout.items() if not option or getattr(options, option)]


def _check_letters(options: Namespace) -> None:
    """Refuse letters that would do nothing."""
    letters = {"-t": "timestamp", "-U": "print_uid", "-L": "lport"}
    given = [letter for letter, name in letters.items() if getattr(options, name)]
    if given and options.count:
        raise UsageError(
            f"{given[0]} does not go with -c",
            "it counts per address and port",
            f"leave {given[0]} out",
        )
    if given and options.columns is not None:
        raise UsageError(
            f"{given[0]} does not go with --columns",
            "the list says all columns",
            "name its column there; --columns help lists them",
        )
