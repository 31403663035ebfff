"""What each format shows of a value."""

from __future__ import annotations

import csv
import json
from io import StringIO

import pytest

from tcpconnect import formats
from tcpconnect.connection import CONNECTION
from tcpconnect.fields import choose
from tcpconnect.flow import FLOW, Flow
from tcpconnect.formats import table
from tests.support.rendering import render, show
from tests.support.samples import connection


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("table", "PID    LPORT LAT(ms)   RESULT\n1469   -     -         -\n"),
        ("json", '{"pid":1469,"lport":null,"latency_ms":null,"result":null}\n'),
        ("csv", "pid,lport,latency_ms,result\r\n1469,,,\r\n"),
    ],
)
def test_unknown(output: str, expected: str) -> None:
    """What is unknown is a dash, null or empty."""
    assert show(output, "pid lport latency_ms result") == expected


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("table", "PID    LPORT LAT(ms)   RESULT\n1469   5     0.250     OK\n"),
        ("json", '{"pid":1469,"lport":5,"latency_ms":0.25,"result":"OK"}\n'),
        ("csv", "pid,lport,latency_ms,result\r\n1469,5,0.25,OK\r\n"),
    ],
)
def test_known(output: str, expected: str) -> None:
    """The same columns when all is known; numbers are numbers in JSON."""
    known = {"lport": 5, "latency_ms": 0.25, "result": "OK"}
    assert show(output, "pid lport latency_ms result", **known) == expected


def test_cells_are_the_same_whether_they_come_again() -> None:
    """A table that has seen whose values come again shows the same as a new one."""
    columns = choose(CONNECTION, ["time", "comm", "lport", "latency_ms", "exe"])
    sink = table.Table(columns)
    some = [
        connection(lport=n, latency_ms=n / 1000, exe=f"/{n}")
        for n in range(table.TRIAL_ROWS)
    ]
    events = [connection(lport=5, latency_ms=0.25, exe="/x"), connection()]
    for _ in range(2):
        sink.rows(some)
        assert sink.rows(events) == table.Table(columns).rows(events)


@pytest.mark.parametrize(
    ("output", "query", "age_ms", "expected"),
    [
        ("table", None, None, "QUERY\nNo DNS Query\n"),
        ("json", None, None, '{"query":null}\n'),
        ("csv", None, None, 'query\r\n""\r\n'),
        ("table", "localhost", None, "QUERY\nlocalhost\n"),
        ("table", "a.org", 100.0, "QUERY\na.org\n"),
        ("table", "a.org", 100.001, "QUERY\na.org (100.001ms)\n"),
        ("json", "a.org", 100.001, '{"query":"a.org"}\n'),
        ("csv", "a.org", 100.001, "query\r\na.org\r\n"),
    ],
)
def test_query(output: str, query: str | None, age_ms: float, expected: str) -> None:
    """A table has the words of the example page, other formats have the name alone."""
    assert show(output, "query", query=query, query_age_ms=age_ms) == expected


@pytest.mark.parametrize("scope", ["cgroup", "netns", "host"])
@pytest.mark.parametrize(
    ("output", "age_ms", "expected"),
    [
        ("table", 100.0, "QUERY\na.org?\n"),
        ("table", 123.342, "QUERY\na.org? (123.342ms)\n"),
        ("json", 123.342, '{"query":"a.org"}\n'),
        ("csv", 123.342, "query\r\na.org\r\n"),
    ],
)
def test_query_of_another(
    output: str, scope: str, age_ms: float, expected: str
) -> None:
    """A table marks a name that the process did not ask for; other formats do not."""
    changes = {"query": "a.org", "query_scope": scope, "query_age_ms": age_ms}
    assert show(output, "query", **changes) == expected


def test_query_of_the_process_itself() -> None:
    """What the process itself asked for has no mark."""
    shown = show("table", "query", query="a.org", query_scope="process")
    assert shown == "QUERY\na.org\n"


@pytest.mark.parametrize("daddr", ["127.0.0.1", "::1"])
def test_localhost_of_another(daddr: str) -> None:
    """Localhost is localhost, whoever asked for it."""
    changes = {"daddr": daddr, "query": "localhost", "query_scope": "host"}
    assert show("table", "query", **changes) == "QUERY\nlocalhost\n"
    changes["daddr"] = "10.1.2.3"
    assert show("table", "query", **changes) == "QUERY\nlocalhost?\n"


@pytest.mark.parametrize(
    ("query", "daddr", "differ", "expected"),
    [
        ("a.org", "10.1.2.3", False, "QUERY\na.org\n"),
        ("a.org", "10.1.2.3", True, "QUERY\na.org?\n"),
        ("localhost", "::1", True, "QUERY\nlocalhost\n"),
        (None, "10.1.2.3", False, "QUERY\nNo DNS Query\n"),
    ],
)
def test_query_of_a_flow(
    query: str | None, daddr: str, expected: str, *, differ: bool
) -> None:
    """A table marks the newest name of a flow where it has others."""
    flow = Flow("10.1.1.1", daddr, 80, 1, 1, 0, query=query, names_differ=differ)
    assert render("table", [FLOW["query"]], flow) == expected


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("table", "DPORT\n80\n"),
        ("json", '{"dport":80}\n'),
        ("csv", "dport\r\n80\r\n"),
    ],
)
def test_one_column(output: str, expected: str) -> None:
    """A single column is no special case."""
    assert show(output, "dport") == expected


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("table", "LPORT\n-\n"),
        ("json", '{"lport":null}\n'),
        # RFC 4180 has no record without a field: this one is empty.
        ("csv", 'lport\r\n""\r\n'),
    ],
)
def test_one_unknown_column(output: str, expected: str) -> None:
    """A single unknown value still makes a line that is not blank."""
    assert show(output, "lport") == expected


WIDE = {
    "elapsed_s": 123456789.5,
    "uid": 4294967294,
    "pid": 4194304,
    "saddr": "fe80::2000:bff:fe82:3ac",
    "daddr": "fd00:1111:2222:3333:4444:5555:6666:7777",
    "latency_ms": 1234567.125,
    "result": "ECONNREFUSED-AND-MORE",
}


def test_wide_values_push_the_line() -> None:
    """A value wider than its column is whole, and one space follows it."""
    _, row = show("table", " ".join(WIDE), **WIDE).splitlines()
    assert row == (
        "123456789.500 4294967294 4194304 fe80::2000:bff:fe82:3ac "
        "fd00:1111:2222:3333:4444:5555:6666:7777 1234567.125 ECONNREFUSED-AND-MORE"
    )


@pytest.mark.parametrize(
    ("comm", "expected"),
    [
        ("amazon-ssm-agent", "PID    COMM         IP\n1469   amazon-ssm-a 4\n"),
        ("twelve_chars", "PID    COMM         IP\n1469   twelve_chars 4\n"),
        ("two words", "PID    COMM         IP\n1469   two words    4\n"),
        ("%s%d%n", "PID    COMM         IP\n1469   %s%d%n       4\n"),
        ("", "PID    COMM         IP\n1469                4\n"),
    ],
)
def test_comm_in_a_table(comm: str, expected: str) -> None:
    """COMM is cut to 12 characters, as on the example page, and not changed."""
    assert show("table", "pid comm ip", comm=comm) == expected


@pytest.mark.parametrize("output", ["json", "csv"])
def test_comm_for_machines_is_whole(output: str) -> None:
    """Only the table cuts names."""
    assert "amazon-ssm-agent" in show(output, "comm", comm="amazon-ssm-agent")


def test_only_comm_is_cut() -> None:
    """No other cell has a precision that cuts text."""
    specs = {n: c.field.spec for n, c in (CONNECTION | FLOW).items()}
    assert {n for n, s in specs.items() if s.startswith(".") and s.endswith("s")} == {
        "comm"
    }


@pytest.mark.parametrize(
    ("elapsed", "expected"),
    [(0.0, "0.000"), (0.0004, "0.000"), (31.8705, "31.870"), (1e6, "1000000.000")],
)
def test_elapsed_has_three_decimals(elapsed: float, expected: str) -> None:
    """TIME(s) is in seconds with three decimals."""
    assert show("table", "elapsed_s", elapsed_s=elapsed) == f"TIME(s)\n{expected}\n"


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("table", "TIME(UTC)\n2023-11-14T22:13:20.123456789Z\n"),
        ("json", '{"time":"2023-11-14T22:13:20.123456789Z"}\n'),
        ("csv", "time\r\n2023-11-14T22:13:20.123456789Z\r\n"),
    ],
)
def test_time(output: str, expected: str) -> None:
    """The time of day is RFC 3339 in UTC with nanoseconds in every format."""
    assert show(output, "time") == expected


@pytest.mark.parametrize(
    ("comm", "expected"),
    [
        ("plain", "comm,dport\r\nplain,80\r\n"),
        ("a,b", 'comm,dport\r\n"a,b",80\r\n'),
        ('say "hi"', 'comm,dport\r\n"say ""hi""",80\r\n'),
        ("é", "comm,dport\r\né,80\r\n"),
        (" ", "comm,dport\r\n ,80\r\n"),
    ],
)
def test_csv_quotes(comm: str, expected: str) -> None:
    """CSV quotes what RFC 4180 wants quoted; lines end with CR and LF."""
    assert show("csv", "comm dport", comm=comm) == expected


@pytest.mark.parametrize("comm", ["plain", "a,b", '"', "a\nb", "a\rb", ",\n"])
def test_csv_is_what_the_standard_library_writes(comm: str) -> None:
    """Whether one row of a batch needs quotes or none does."""
    events = [connection(comm=name, pid=8) for name in ("first", comm, "last")]
    expected = StringIO(newline="")
    csv.writer(expected).writerows([event.comm, event.pid] for event in events)
    sink = formats.open_format("csv", choose(CONNECTION, ["comm", "pid"]))
    assert sink.rows(events).decode() == expected.getvalue()


@pytest.mark.parametrize("comm", ['"', "\\", "a,b\n", "\x1b[2J", "é", "\u2028"])
def test_json_holds_any_name(comm: str) -> None:
    """An object is one line, and gives back the name as it was."""
    (line,) = show("json", "comm", comm=comm).split("\n")[:-1]
    assert json.loads(line) == {"comm": comm}


def test_more_values_than_cells_are_kept() -> None:
    """A table of very many different values has all of them, the first ones again."""
    pids = [*range(1, table.MAX_CELLS + 3), 1, 2]
    structs = [connection(pid=pid) for pid in pids]
    text = render("table", choose(CONNECTION, ["pid", "ip"]), *structs)
    assert [line.split() for line in text.splitlines()[1:]] == [
        [str(pid), "4"] for pid in pids
    ]
