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
from tests.support.rendering import render, show
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
    [("table", b"PID    COMM\n"), ("json", b""), ("csv", b"pid,comm\r\n")],
)
def test_no_events(output: str, expected: bytes) -> None:
    """Without an event there is only the header."""
    sink = formats.open_format(output, choose(CONNECTION, ["pid", "comm"]))
    assert sink.header() + sink.rows([]) == expected


@pytest.mark.parametrize("output", ["table", "json", "csv"])
def test_rows_come_in_order(output: str) -> None:
    """A batch makes a line for each event, in their order, known or not."""
    events = [connection(pid=pid, lport=lport) for pid, lport in ((7, 1), (8, None))]
    sink = formats.open_format(output, choose(CONNECTION, ["pid", "lport"]))
    single = [sink.rows([event]) for event in events]
    assert sink.rows(events) == b"".join(single)
