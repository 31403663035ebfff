"""The outputs: each has every field, and shows it as its format wants it."""

from __future__ import annotations

import csv
import json
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect import formats, info
from tcpconnect.connection import CONNECTION, Connection
from tcpconnect.fields import Column, choose
from tcpconnect.flow import FLOW, Flow
from tcpconnect.formats import table
from tcpconnect.formats.histogram import draw
from tests.support.samples import connection, empty, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    import msgspec

BOTH = pytest.mark.parametrize(
    ("table", "struct"),
    [(CONNECTION, Connection), (FLOW, Flow)],
    ids=["connection", "flow"],
)
Table = dict[str, Column]


def render(output: str, columns: list[Column], *structs: msgspec.Struct) -> str:
    """Return all that a format prints."""
    sink = formats.open_format(output, columns)
    return (sink.header() + sink.rows(structs)).decode()


def show(output: str, names: str, **changes: Any) -> str:
    """Return what a format prints of one attempt, in these columns."""
    return render(output, choose(CONNECTION, names.split()), connection(**changes))


def shown_value(column: Column, struct: msgspec.Struct, name: str = "") -> Any:
    """Return what outputs show of a member, or of what stands for it."""
    value = getattr(struct, name or column.name)
    return column.field.shown(value) if column.field.shown else value


def in_table(table: Table, struct: msgspec.Struct) -> set[str]:
    """Return the columns whose header and value a table has."""
    header, row = render("table", [*table.values()], struct).splitlines()
    cells = dict(zip(header.split(), row.split(), strict=True))
    return {
        name
        for name, column in table.items()
        if cells[column.field.header]
        == f"%{column.field.spec}" % shown_value(column, struct, column.field.cell)
    }


def in_json(table: Table, struct: msgspec.Struct) -> set[str]:
    """Return the columns that a JSON object has with their value."""
    found = json.loads(render("json", [*table.values()], struct))
    return {n for n, c in table.items() if found[n] == shown_value(c, struct)}


def in_csv(table: Table, struct: msgspec.Struct) -> set[str]:
    """Return the columns that CSV has with their value."""
    text = StringIO(render("csv", [*table.values()], struct), newline="")
    (found,) = csv.DictReader(text)
    return {n for n, c in table.items() if found[n] == str(shown_value(c, struct))}


def in_schema(table: Table, struct: msgspec.Struct) -> set[str]:
    """Return the columns that the JSON Schema has with their meaning."""
    properties = schema_of(struct)["properties"]
    return {
        n for n, c in table.items() if properties[n]["description"] == c.field.meaning
    }


def in_help(table: Table, struct: msgspec.Struct) -> set[str]:
    """Return the columns that --columns help has with header and meaning."""
    lines = info.columns_help(count=isinstance(struct, Flow)).splitlines()
    found = [line.split(maxsplit=2) for line in lines]
    return {
        n for n, c in table.items() if [n, c.field.header, c.field.meaning] in found
    }


def schema_of(struct: msgspec.Struct) -> Any:
    """Return the JSON Schema of an object."""
    schema = json.loads(info.schema(count=isinstance(struct, Flow)))
    return schema["$defs"][schema["$ref"].removeprefix("#/$defs/")]


@BOTH
@pytest.mark.parametrize("output", [in_table, in_json, in_csv, in_schema, in_help])
def test_every_output_has_every_field(
    output: Callable[[Table, msgspec.Struct], set[str]],
    table: Table,
    struct: type[msgspec.Struct],
) -> None:
    """Whatever the field table has is in every output, with its own value."""
    assert output(table, whole(struct)) == set(table)


JSON_TYPES: dict[str, Any] = {
    "integer": int,
    "number": (int, float),
    "string": str,
    "null": type(None),
}


def conforms(value: object, schema: dict[str, Any]) -> bool:
    """Tell whether a scalar has a type, or one of the types, of its schema."""
    allowed = schema.get("anyOf", [schema])
    return any(isinstance(value, JSON_TYPES[one["type"]]) for one in allowed)


@BOTH
@pytest.mark.parametrize("known", [True, False])
def test_json_validates_against_the_schema(
    table: Table, struct: type[msgspec.Struct], *, known: bool
) -> None:
    """Every value, known or not, has the type that the schema promises."""
    event = whole(struct) if known else empty(whole(struct), table)
    found = json.loads(render("json", [*table.values()], event))
    properties = schema_of(event)["properties"]
    assert [n for n, value in found.items() if not conforms(value, properties[n])] == []


@BOTH
def test_schema_allows_null_only_where_it_is_printed(
    table: Table, struct: type[msgspec.Struct]
) -> None:
    """The schema says null for those members that may be unknown, for no others."""
    properties = schema_of(whole(struct))["properties"]
    nullable = {n for n, schema in properties.items() if conforms(None, schema)}
    assert nullable == {n for n, column in table.items() if column.nullable}


@pytest.mark.parametrize("output", ["table", "json", "csv"])
def test_columns_keep_the_order_asked_for(output: str) -> None:
    """The order of the columns is the caller's in every format."""
    text = show(output, "dport comm pid").lower()
    assert sorted(["pid", "comm", "dport"], key=text.index) == ["dport", "comm", "pid"]


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


@pytest.mark.parametrize(
    ("output", "expected"),
    [("table", b"PID    COMM\n"), ("json", b""), ("csv", b"pid,comm\r\n")],
)
def test_no_events(output: str, expected: bytes) -> None:
    """Without an event there is only the header."""
    sink = formats.open_format(output, choose(CONNECTION, ["pid", "comm"]))
    assert sink.header() + sink.rows([]) == expected


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
        ("table", "TIME\n2023-11-14T22:13:20.123456789Z\n"),
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


@pytest.mark.parametrize("output", ["table", "json", "csv"])
def test_rows_come_in_order(output: str) -> None:
    """A batch makes a line for each event, in their order, known or not."""
    events = [connection(pid=pid, lport=lport) for pid, lport in ((7, 1), (8, None))]
    sink = formats.open_format(output, choose(CONNECTION, ["pid", "lport"]))
    single = [sink.rows([event]) for event in events]
    assert sink.rows(events) == b"".join(single)


BCC_RUNQLAT = """\
     usecs               : count     distribution
         0 -> 1          : 233      |***********                             |
         2 -> 3          : 742      |************************************    |
         4 -> 7          : 203      |**********                              |
         8 -> 15         : 173      |********                                |
        16 -> 31         : 24       |*                                       |
        32 -> 63         : 0        |                                        |
        64 -> 127        : 30       |*                                       |
       128 -> 255        : 6        |                                        |
       256 -> 511        : 3        |                                        |
       512 -> 1023       : 5        |                                        |
      1024 -> 2047       : 27       |*                                       |
      2048 -> 4095       : 30       |*                                       |
      4096 -> 8191       : 20       |                                        |
      8192 -> 16383      : 29       |*                                       |
     16384 -> 32767      : 809      |****************************************|
     32768 -> 65535      : 64       |***                                     |
"""


def test_histogram_is_drawn_as_bcc_draws() -> None:
    """The first sample of bcc's runqlat page, character for character."""
    counts = [233, 742, 203, 173, 24, 0, 30, 6, 3, 5, 27, 30, 20, 29, 809, 64]
    assert draw(counts + [0] * 48, "usecs").decode() == BCC_RUNQLAT


def test_histogram_of_nothing_is_empty() -> None:
    """Without a value nothing is drawn."""
    assert draw([0] * 64, "usecs") == b""


def test_histogram_begins_with_the_first_slot() -> None:
    """Empty slots below the largest value are drawn, those above it are not."""
    expected = """\
     usecs               : count     distribution
         0 -> 1          : 0        |                                        |
         2 -> 3          : 1        |****************************************|
"""
    assert draw([0, 1, *[0] * 62], "usecs").decode() == expected


def test_histogram_of_every_slot() -> None:
    """The last slot of 64 is drawn, too, with its numbers whole."""
    last = draw([0] * 63 + [5], "usecs").decode().splitlines()[-1]
    assert last.split(":")[0].split() == [str(2**63), "->", str(2**64 - 1)]


def test_more_values_than_cells_are_kept() -> None:
    """A table of very many different values has all of them, the first ones again."""
    pids = [*range(1, table.MAX_CELLS + 3), 1, 2]
    structs = [connection(pid=pid) for pid in pids]
    text = render("table", choose(CONNECTION, ["pid", "ip"]), *structs)
    assert [line.split() for line in text.splitlines()[1:]] == [
        [str(pid), "4"] for pid in pids
    ]
