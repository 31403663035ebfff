"""Which columns are shown, by the options: the letters are shorthands for columns."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from tcpconnect import messages
from tcpconnect.errors import UsageError
from tcpconnect.fields import choose
from tcpconnect.formats import SHAPED
from tcpconnect.schemes import (
    DATABASES,
    PROMETHEUS,
    REMOTE,
    SQLITE,
    has_metrics,
    scheme_of,
)
from tcpconnect.settings import Settings

if TYPE_CHECKING:
    from tcpconnect.counting import Counting
    from tcpconnect.fields import Column
    from tcpconnect.parsing import CommandLine

# Column: the option that adds it to a table, None for those that are always there.
TABLE = {
    "local_time": "clock",
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
    "why": "why",
    "syns": "why",
    "query": "dns",
}
MACHINE = {
    "local_time": "clock",
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
    "why": "why",
    "why_from": "why",
    "syns": "why",
    "query": "dns",
    "query_source": "dns",
    "query_age_ms": "dns",
    "dns_ms": "dns_latency",
}
# CSV gets a new column only when it is asked for: docs/output.md.
JSON = {
    **MACHINE,
    "asked": "result",
    "asked_port": "result",
    "dns_ms": "lookups",
    "query_scope": "dns",
    "event": "lookups",
}
# Others' schemas are of attempts that have ended.
ENDED = ("result", "latency_ms")
SHAPE = {**MACHINE, **dict.fromkeys(ENDED), "event": None}
LAYOUTS = {"table": TABLE, "json": JSON, **dict.fromkeys(SHAPED, SHAPE)}
RECORDED, PACKED = ".jsonl", ".zst"
# What a history is made of: history/window.py.
KEPT = (
    "uid comm daddr dport latency_ms result why syns dns_ms query exe cmdline "
    "container unit pod"
)
# Of the attempts that a remote place is sent one by one, too.
SINGLY = KEPT + " time pid tid saddr lport container_id runtime pod_uid"
# What metrics are made of: metrics/ledger.py.
MEASURED = (
    "comm daddr dport latency_ms result dns_ms query exe cmdline container unit pod"
)
GAUGES_S = 5.0  # how often metrics have new gauges
FOLDED = {SQLITE: KEPT, PROMETHEUS: MEASURED, **dict.fromkeys(REMOTE, SINGLY)}
# Suffix of a file: the format that it decides for.
SUFFIXES = {".csv": "csv", RECORDED: "json"}


class Display(msgspec.Struct, frozen=True):
    """How events, or with ``count`` flows, are shown: a format, and its columns.

    ``interval``: they come again and again; ``clear``: on a screen of their own.
    ``recorded``: in a recording, with all that goes with events there; ``packed``: it
    is compressed.
    """

    format: str
    columns: list[Column]
    count: bool = False
    interval: bool = False
    clear: bool = False
    histogram: bool = False
    recorded: bool = False
    packed: bool = False


class View:
    """How each output shows what comes, and the settings that fill its columns.

    ``recorded``: they come from a recording. Raises UsageError for options that make no
    sense together, and unknown columns.
    """

    def __init__(self, line: CommandLine, *, recorded: bool = False) -> None:
        self._line = line
        self.counting: Counting | None = None
        changes = line.changes
        if line.count:
            from tcpconnect.counting import Counting

            self.counting = Counting(line, recorded=recorded)
            changes = self.counting.changes
        _refuse_without_count(line)
        _refuse_without_file(line)
        self._asked = Settings(**changes)
        self._table = self.counting.table if self.counting else self._asked.table
        if line.json and line.format not in {None, "json"}:
            raise UsageError(messages.CONFLICT_OF_FORMATS, format=line.format)
        self._shown = _shown_by(line, self._asked)
        _check_letters(line, self._shown)
        self.displays = {path: self._display(path) for path in line.outputs or {None}}
        formats = {display.format for display in self.displays.values()}
        if line.histogram and not (line.count and "table" in formats):
            remedy = "omit the format" if line.count else "add -c"
            raise UsageError(messages.HISTOGRAM_WITHOUT_TABLE, remedy=remedy)
        self.settings = self._filled()

    def _display(self, path: str | None) -> Display:
        """Return how an output shows what comes: its suffix decides, else an option."""
        line, count, counting = self._line, self._line.count, self.counting
        scheme, _ = scheme_of(path or "")
        if scheme in FOLDED:
            if count:
                from tcpconnect import place_messages

                raise UsageError(place_messages.COUNTS_TO_HISTORY, place=path)
            return Display(scheme, choose(self._table, FOLDED[scheme].split()))
        stem, packing = os.path.splitext(path or "")
        packed = packing == PACKED
        suffix = os.path.splitext(stem)[1] if packed else packing
        form = SUFFIXES.get(suffix) or line.format or ("json" if line.json else "table")
        recorded = suffix == RECORDED and not count
        if packed and not recorded:
            from tcpconnect import recorded_messages

            raise UsageError(recorded_messages.ONLY_RECORDINGS, path=path)
        columns = _members() if recorded else self._columns(form)
        interval = False
        if counting:
            columns, interval = counting.first(form) + columns, counting.interval
        return Display(
            form,
            columns,
            count,
            interval=interval,
            clear=line.clear,
            histogram=line.histogram and form == "table",
            recorded=recorded,
            packed=packed,
        )

    def _columns(self, form: str) -> list[Column]:
        names = self._line.columns
        if names is None:
            layout = LAYOUTS.get(form, MACHINE)
            layout = self.counting.layout(form) if self.counting else layout
            names = [name for name, by in layout.items() if self._shown[by]]
        return choose(self._table, names)

    def _filled(self) -> Settings:
        """Return the settings that fill all columns."""
        if self._asked.tally:
            return self._asked
        shown = [c for display in self.displays.values() for c in display.columns]
        # What has an option is filled when that is given, or the column is named.
        options = Settings.__struct_fields__
        wanted = {c.name for c in shown if c.field.needs not in options}
        wanted.update(self._asked.columns or ())
        formats = {display.format for display in self.displays.values()}
        for format_ in FOLDED.keys() & formats:
            wanted.update(FOLDED[format_].split())
        if formats.intersection(SHAPED):
            wanted.update(ENDED)
        if self.counting and self.counting.sort:
            wanted.add(self.counting.sort.name)
        has_gauges = any(has_metrics(place or "") for place in self.displays)
        gauges_s = GAUGES_S if has_gauges else None
        return replace(self._asked, columns=sorted(wanted), gauges_s=gauges_s)


def _members() -> list[Column]:
    """Return all columns but those that show another one differently."""
    from tcpconnect.connection import MEMBERS

    return list(MEMBERS.values())


def _shown_by(line: CommandLine, settings: Settings) -> dict[str | None, bool]:
    """Return which of the options in the layouts are given or implied."""
    return {
        None: True,
        "clock": line.clock,
        "timestamp": line.timestamp,
        "print_uid": line.print_uid,
        "lport": settings.lport,
        "result": settings.with_result,
        "why": settings.with_why,
        "dns": settings.dns or settings.dns_latency,
        "dns_latency": settings.dns_latency,
        "lookups": settings.lookups,
    }


def _check_letters(line: CommandLine, shown: dict[str | None, bool]) -> None:
    """Refuse letters that would do nothing."""
    letters = {"-t": "timestamp", "-T": "clock", "-U": "print_uid", "-L": "lport"}
    given = [letter for letter, name in letters.items() if shown[name]]
    if given and line.count:
        raise UsageError(messages.CONFLICT_WITH_COUNT, option=given[0])
    if given and line.columns is not None:
        raise UsageError(messages.CONFLICT_WITH_COLUMNS, option=given[0])


def _refuse_without_count(line: CommandLine) -> None:
    """Refuse options about tables, and with tables formats of attempts."""
    for option, given in {
        "-i": "interval_s" in line.changes,
        "--by": line.by,
        "--sort": line.sort,
        "--clear": line.clear,
    }.items():
        if given and not line.count:
            raise UsageError(messages.NEEDS_COUNT, option=option)
    if line.count and line.format in SHAPED:
        option = f"--format {line.format}"
        raise UsageError(messages.CONFLICT_WITH_COUNT, option=option)
    if line.clear and "interval_s" not in line.changes:
        raise UsageError(messages.CLEAR_WITHOUT_INTERVAL)


def _refuse_without_file(line: CommandLine) -> None:
    """Refuse options about files, metrics and remote places."""
    if line.keep_files and not line.rotate:
        raise UsageError(messages.KEEP_WITHOUT_ROTATE)
    files = {place for place in line.outputs if scheme_of(place)[0] != SQLITE}
    if line.rotate and not files - {"-"}:
        raise UsageError(messages.ROTATE_WITHOUT_FILE)
    if line.max_series and not any(map(has_metrics, line.outputs)):
        from tcpconnect import metrics_messages

        raise UsageError(metrics_messages.SERIES_WITHOUT_METRICS)
    schemes = {scheme_of(place)[0] for place in line.outputs}
    given = {
        "--spool": line.spool is not None and REMOTE,
        "--max-spool": line.max_spool is not None and REMOTE,
        "--create": line.create and DATABASES,
    }
    for option, needed in given.items():
        if needed and not schemes & needed:
            from tcpconnect import remote_messages

            kind = "a remote place" if needed == REMOTE else "a database"
            message = remote_messages.NEEDS_REMOTE
            raise UsageError(message, option=option, kind=kind)
