"""The field table: what describes every column, for every output."""

from __future__ import annotations

import re
import time
from operator import attrgetter

import pytest

from tcpconnect import times
from tcpconnect.connection import CONNECTION, Connection
from tcpconnect.errors import UsageError
from tcpconnect.fields import Column, choose
from tcpconnect.flow import FLOW
from tcpconnect.times import local_time, rfc3339
from tests.support.samples import whole

TABLES = pytest.mark.parametrize(
    "table", [CONNECTION, FLOW], ids=["connection", "flow"]
)


@TABLES
def test_columns_have_distinct_headers(table: dict[str, Column]) -> None:
    """No two columns of a table look the same."""
    headers = [column.field.header for column in table.values()]
    assert sorted(set(headers)) == sorted(headers)


@TABLES
def test_columns_have_a_meaning(table: dict[str, Column]) -> None:
    """Every column has its meaning in one line."""
    meanings = [column.field.meaning for column in table.values()]
    assert [m for m in meanings if not m or "\n" in m] == []


@TABLES
def test_names_need_no_quotes(table: dict[str, Column]) -> None:
    """Names go into a comma-separated list, and are identifiers for jq."""
    assert [name for name in table if not re.fullmatch("[a-z][a-z0-9_]*", name)] == []


@pytest.mark.parametrize(
    "name", ["lport", "latency_ms", "result", "pid", "tid", "comm", "daddr", "dport"]
)
def test_may_be_unknown(name: str) -> None:
    """What is known only later, or not always, is nullable."""
    assert CONNECTION[name].nullable


@pytest.mark.parametrize("name", ["uid", "event", "time"])
def test_is_always_known(name: str) -> None:
    """What is known from the beginning is never null."""
    assert not CONNECTION[name].nullable


def test_columns_are_members() -> None:
    """A program reads each column of a connection by its name, wherever it is kept."""
    event = whole(Connection)
    values = [attrgetter(column.path)(event) for column in CONNECTION.values()]
    assert values == [getattr(event, name) for name in CONNECTION]
    assert len(set(values)) == len(values)


def test_choose_keeps_the_order_asked_for() -> None:
    """Columns come in the order of their names, not in that of the table."""
    chosen = choose(CONNECTION, ["dport", "comm", "pid"])
    assert [column.name for column in chosen] == ["dport", "comm", "pid"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "dprot",
            (
                "unknown column 'dprot'; did you mean dport? "
                "--columns help lists all columns"
            ),
        ),
        ("x", "unknown column 'x'; --columns help lists all columns"),
        ("", "unknown column ''; --columns help lists all columns"),
        (
            "PID",
            "unknown column 'PID'; did you mean pid? --columns help lists all columns",
        ),
    ],
)
def test_unknown_column(name: str, expected: str) -> None:
    """A name that is not in the table is refused, with one that is near."""
    with pytest.raises(UsageError) as caught:
        choose(CONNECTION, ["pid", name])
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (999_999_999, "1970-01-01T00:00:00.999999999Z"),
        (951_782_400_000_000_000, "2000-02-29T00:00:00.000000000Z"),
        (1_700_000_000_123_456_789, "2023-11-14T22:13:20.123456789Z"),
        (4_102_444_800_000_000_000, "2100-01-01T00:00:00.000000000Z"),
    ],
)
def test_rfc3339(nanoseconds: int, expected: str) -> None:
    """A time is shown in UTC with all nine digits, whatever the time zone."""
    assert rfc3339(nanoseconds) == expected


@pytest.mark.parametrize(
    ("zone", "expected"),
    [("UTC0", "22:13:20.123"), ("XXX-05:30", "03:43:20.123")],
)
def test_local_time(monkeypatch: pytest.MonkeyPatch, zone: str, expected: str) -> None:
    """It is the time of day in this machine's zone; what is below 1 ms is cut."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    times.CLOCKS.clear()
    assert local_time(1_700_000_000_123_999_999) == expected
    monkeypatch.undo()
    time.tzset()
    times.CLOCKS.clear()
