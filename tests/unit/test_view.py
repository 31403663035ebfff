"""Which columns the options show, and what options imply."""

from __future__ import annotations

import pytest

from tcpconnect.connection import CONNECTION
from tcpconnect.counting import CSV_FLOWS, FLOWS
from tcpconnect.errors import UsageError
from tcpconnect.flow import FLOW
from tcpconnect.parsing import CommandLine, parse
from tcpconnect.settings import Settings
from tcpconnect.view import MACHINE, TABLE, View


def view(line: str) -> View:
    """Return what a command line shows."""
    return View(parse(line.split()))


def columns(line: str) -> str:
    """Return the names of the columns that a command line shows."""
    return " ".join(column.name for column in view(line).displays[None].columns)


OUTCOMES = "connects ok failed pending latency_avg_ms latency_max_ms"
MACHINE_COLUMNS = "time pid tid uid comm ip saddr lport daddr dport netns"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", "pid comm ip saddr daddr dport"),
        ("-t", "elapsed_s pid comm ip saddr daddr dport"),
        ("-T", "local_time pid comm ip saddr daddr dport"),
        ("-tT", "local_time elapsed_s pid comm ip saddr daddr dport"),
        ("-U", "uid pid comm ip saddr daddr dport"),
        ("-L", "pid comm ip saddr lport daddr dport"),
        ("-r", "pid comm ip saddr daddr dport latency_ms result"),
        ("--failed", "pid comm ip saddr daddr dport latency_ms result"),
        ("--slower 1", "pid comm ip saddr daddr dport latency_ms result"),
        (
            "-tULr",
            "elapsed_s uid pid comm ip saddr lport daddr dport latency_ms result",
        ),
        ("-d", "pid comm ip saddr daddr dport query"),
        (
            "--dns-latency",
            "pid comm ip saddr daddr dport dns_ms latency_ms result query",
        ),
        ("-4 -p 1 -u 0 -P 80", "pid comm ip saddr daddr dport"),
        ("--format table", "pid comm ip saddr daddr dport"),
        ("-c", "saddr daddr dport connects ok failed"),
        ("-cr", f"saddr daddr dport {OUTCOMES}"),
        ("-c --histogram", "saddr daddr dport connects ok failed"),
        ("-cd", "saddr daddr dport connects ok failed query"),
        ("-cj", "saddr daddr dport connects ok failed"),
        (
            "-cr --format csv",
            "saddr daddr dport connects ok failed latency_avg_ms latency_max_ms",
        ),
        ("-c -i 5", "saddr daddr dport connects ok failed"),
        ("-cj -i 5", "time saddr daddr dport connects ok failed"),
        ("-cd -i 5", "saddr daddr dport connects ok failed query"),
        ("-c --by comm,dport", "comm dport connects ok failed"),
        ("-c --by result", f"result {OUTCOMES}"),
        ("-c --by comm --columns failed,comm", "failed comm"),
        ("-c --unit x", "saddr daddr dport connects ok failed"),
    ],
)
def test_columns_by_letters(line: str, expected: str) -> None:
    """Each letter adds its column in its place."""
    assert columns(line) == expected


@pytest.mark.parametrize("output", ["-j", "--format json", "--format csv"])
@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("", MACHINE_COLUMNS),
        ("-U", MACHINE_COLUMNS),
        ("-L", MACHINE_COLUMNS),
        ("-t", f"elapsed_s {MACHINE_COLUMNS}"),
        ("-T", f"local_time {MACHINE_COLUMNS}"),
    ],
)
def test_columns_for_machines(output: str, letters: str, expected: str) -> None:
    """JSON and CSV have the promised keys always, others where they are asked for."""
    assert columns(f"{output} {letters}") == expected


@pytest.mark.parametrize(
    ("output", "more"),
    [
        ("-j", " asked asked_port"),
        ("--format json", " asked asked_port"),
        ("--format csv", ""),
    ],
)
@pytest.mark.parametrize("letters", ["-r", "--failed"])
def test_columns_of_results(output: str, more: str, letters: str) -> None:
    """What was asked for is a key that JSON got later; CSV's columns stay."""
    expected = f"{MACHINE_COLUMNS} result latency_ms{more}"
    assert columns(f"{output} {letters}") == expected


@pytest.mark.parametrize(
    ("output", "more"),
    [("-j", " query_scope"), ("--format json", " query_scope"), ("--format csv", "")],
)
def test_columns_of_names(output: str, more: str) -> None:
    """Whose name it is is a key that JSON got later; CSV's columns stay."""
    expected = f"{MACHINE_COLUMNS} query query_source query_age_ms{more}"
    assert columns(f"{output} -d") == expected


@pytest.mark.parametrize("output", ["", "-j", "--format csv"])
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--columns dport,comm", "dport comm"),
        ("--columns time", "time"),
        ("-c --columns connects,daddr", "connects daddr"),
        ("-r --columns pid", "pid"),
    ],
)
def test_columns_by_name(output: str, line: str, expected: str) -> None:
    """The list says all columns and their order, in every format."""
    assert columns(f"{output} {line}") == expected


@pytest.mark.parametrize(
    ("line", "table"), [("", CONNECTION), ("-c", FLOW)], ids=["connection", "flow"]
)
def test_every_column_can_be_named(line: str, table: dict[str, object]) -> None:
    """Each field of the table is a column."""
    names = ",".join(table)
    assert columns(f"{line} --columns {names}") == " ".join(table)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", "table"),
        ("-j", "json"),
        ("-j --format json", "json"),
        ("--format json", "json"),
        ("--format csv", "csv"),
        ("--format table", "table"),
    ],
)
def test_format(line: str, expected: str) -> None:
    """-j is short for --format json; the table is the default."""
    assert view(line).displays[None].format == expected


# The members of Settings that ask for it.
WANTED = {"with_lport": "lport", "with_result": "result", "named": "dns"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", ""),
        ("-j", ""),
        ("-c", ""),
        ("-L", "lport"),
        ("-r", "result"),
        ("-d", "dns"),
        ("--failed", "result"),
        ("--slower 0.5", "result"),
        ("-c --failed", "result"),
        ("--dns-latency", "result dns"),
        ("--columns pid", ""),
        ("--columns lport", "lport"),
        ("--columns result", "result"),
        ("--columns latency_ms", "result"),
        ("--columns query", "dns"),
        ("--columns query_source", "dns"),
        ("--columns query_scope", "dns"),
        ("--columns query_age_ms", "dns"),
        ("--columns dns_ms", "dns"),
        ("--columns pid,latency_ms,lport", "lport result"),
        ("-c --columns latency_avg_ms", "result"),
        ("-c --columns latency_max_ms", "result"),
        ("-c --columns query", "dns"),
        ("-c --columns connects", ""),
    ],
)
def test_implied(line: str, expected: str) -> None:
    """A column, or a filter, brings along what it needs from the kernel."""
    settings = view(line).settings
    wanted = [what for name, what in WANTED.items() if getattr(settings, name)]
    assert " ".join(wanted) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", {"comm"}),
        ("-L", {"comm"}),
        ("-U", {"comm", "uid"}),
        ("-j", {"comm", "uid", "netns"}),
        ("-d", {"comm", "netns", "cgroup_id", "start"}),
        ("-c", set()),
        ("-cd", {"netns"}),
        ("--columns daddr", set()),
        ("--columns cgroup_id,netns", {"cgroup_id", "netns"}),
        ("--columns ppid,exe,pod", {"ppid", "exe", "cgroup"}),
    ],
)
def test_what_is_read(line: str, expected: set[str]) -> None:
    """The kernel reads of who connects what is shown, and what names need."""
    assert view(line).settings.process_details == expected


@pytest.mark.parametrize(
    "line",
    [
        "-j --format table",
        "-j --format csv",
        "--histogram",
        "--histogram -j",
        "-c --histogram -j",
        "-c --histogram --format csv",
        "-c -t",
        "-c -U",
        "-c -L",
        "-t --columns pid",
        "-U --columns pid",
        "-L --columns lport",
        "--columns nothing",
        "--columns pid,,comm",
        "-c --columns comm",
        "--columns connects",
        "-i 5",
        "--by comm",
        "--sort failed",
        "-c --clear",
        "-c -i 0",
        "-c --by nothing",
        "-c --by comm,comm",
        "-c --by time",
        "-c --sort nothing",
        "-c --by comm --sort daddr",
        "-c --by comm --columns daddr",
    ],
)
def test_makes_no_sense(line: str) -> None:
    """Options that contradict each other, or would do nothing, are refused."""
    with pytest.raises(UsageError):
        view(line)


@pytest.mark.parametrize(
    ("layout", "table"),
    [(TABLE, CONNECTION), (MACHINE, CONNECTION), (FLOWS, FLOW), (CSV_FLOWS, FLOW)],
    ids=["table", "machine", "flows", "flows as csv"],
)
def test_layouts_are_of_options_and_columns(
    layout: dict[str, str | None], table: dict[str, object]
) -> None:
    """Every name in a layout is a column, every letter an option."""
    members = {*CommandLine.__struct_fields__, *Settings.__struct_fields__}
    assert set(layout) <= set(table)
    assert {member for member in layout.values() if member} <= members


def test_keys_of_json_are_those_promised() -> None:
    """The keys that are always there, in the order of the documentation."""
    keys = "time pid tid uid comm ip saddr lport daddr dport netns"
    assert columns("-j") == keys
