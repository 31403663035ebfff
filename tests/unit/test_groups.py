"""Attempts counted by columns, and tables of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import asdict

from tcpconnect.batch import NO_LOSSES, Batch
from tcpconnect.connection import LOOKUP
from tcpconnect.errors import UsageError
from tcpconnect.flow import FLOW
from tcpconnect.groups import Groups, table_of
from tcpconnect.outputs.tables import Tables as Output
from tcpconnect.parsing import parse
from tcpconnect.tables import Tables, sort_column
from tcpconnect.view import View
from tests.support.samples import connection

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tcpconnect.connection import Connection


def ended(result: str | None, at: int = 0, **changes: Any) -> Connection:
    """Return an attempt that began at a time, and has ended so."""
    members = {"latency_ms": 1.5, "monotonic_ns": at, "refused_by": 0, **changes}
    return connection(result=result, **members)


def rows(groups: Groups, still_open: Iterable[Connection] = ()) -> list[dict[str, Any]]:
    """Return the rows without what is 0 or unknown."""
    taken = groups.take(list(still_open), 7.0)
    return [
        {n: v for n, v in asdict(row).items() if v and n != "time"} for row in taken
    ]


def test_outcomes() -> None:
    """Each outcome has its count; attempts without a result are connects."""
    groups = Groups(["comm"])
    results = ["OK", "OK", "EPERM", "ABORTED", None, "PENDING"]
    groups.add([ended(result, at) for at, result in enumerate(results)])
    assert rows(groups) == [
        {
            "comm": "curl",
            "connects": 6,
            "ok": 2,
            "failed": 2,
            "pending": 1,
            "latency_avg_ms": 1.5,
            "latency_max_ms": 1.5,
        }
    ]


def test_by_several_columns() -> None:
    """A row for each pair of values, most connects first; unknown ones have one."""
    groups = Groups(["pod", "dport"])
    pods = [("b", 1), ("a", 2), ("a", 1), (None, 2), ("a", 2)]
    groups.add([ended("OK", pod=pod, dport=port) for pod, port in pods])
    taken: list[Any] = groups.take([], 0)
    assert [(row.pod, row.dport, row.connects) for row in taken] == [
        ("a", 2, 2),
        (None, 2, 1),
        ("a", 1, 1),
        ("b", 1, 1),
    ]


def test_latencies_and_syns() -> None:
    """Latencies are of what ended, and was not refused before its SYN."""
    groups = Groups([])
    groups.add(
        [
            ended("OK", latency_ms=2.0, syns=2),
            ended("OK", latency_ms=1.0, syns=1),
            ended("EPERM", latency_ms=0.0, refused_by=1),
            ended("PENDING", latency_ms=9000.0, syns=5),
        ]
    )
    (row,) = rows(groups)
    assert (row["latency_avg_ms"], row["latency_max_ms"]) == (1.5, 2.0)
    assert row["resent"] == 1
    assert [n for n, count in enumerate(groups.latencies) if count] == [9, 10]


def test_failed_lookups() -> None:
    """A lookup is no connect."""
    groups = Groups(["query"])
    groups.add([connection(event=LOOKUP, query="no.test", result="NXDOMAIN")])
    assert rows(groups) == [{"query": "no.test", "failed": 1}]


def test_intervals() -> None:
    """An attempt begins in one interval, is pending at its end, ends in the next."""
    groups = Groups([])
    slow = [ended("PENDING", at) for at in (1, 2)]
    groups.add([ended("OK", 3)])
    first = rows(groups, slow)[0]
    assert (first["connects"], first["ok"], first["pending"]) == (3, 1, 2)
    groups.add([ended("EPERM", 1)])
    second = rows(groups, slow[1:])[0]
    assert second == {
        "failed": 1,
        "pending": 1,
        "latency_avg_ms": 1.5,
        "latency_max_ms": 1.5,
    }
    groups.add([ended("OK", 2), ended("OK", 4)])
    third = rows(groups)[0]
    assert (third["connects"], third["ok"]) == (1, 2)
    assert rows(groups) == []


def test_too_many_rows() -> None:
    """What would need one row more is counted as lost; known rows go on."""
    groups = Groups(["dport"], most=2)
    groups.add([ended("OK", dport=port) for port in (1, 2, 3, 4, 1)])
    assert [row["dport"] for row in rows(groups)] == [1, 2]
    assert groups.lost == 2
    groups.add([ended("OK", dport=9)])
    assert [row["dport"] for row in rows(groups)] == [9]


def test_tables_of_batches() -> None:
    """A table each time that a batch says what is open, and one in the end."""
    script = [
        Batch([ended("OK", 1)], NO_LOSSES, [], 1.0),
        Batch([], NO_LOSSES, [], 2.0, [ended("PENDING", 2)]),
        Batch([ended("OK", 2, dport=n) for n in range(5)], NO_LOSSES, [], 3.0),
    ]
    groups = Groups(["dport"], most=3)
    tables = Tables(groups, None, 2)
    made = list(tables.over(script))
    counts = [
        ([row.connects for row in b.events], b.more, b.still_open is not None)
        for b in made
    ]
    assert counts == [([], 0, False), ([2], 0, True), ([], 0, False), ([1, 1], 1, True)]
    assert [batch.losses.rows for batch in made] == [0, 0, 2, 2]
    assert tables.losses.rows == 2
    assert [row.time for row in made[1].events] == [2_000_000_000]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("failed", [3, 2, 1, 1]),
        ("FAILED", [3, 2, 1, 1]),
        ("comm", ["a", "b", "c", None]),
        ("max-lat", [1.5, 1.5, 1.5, 1.5]),
    ],
)
def test_sorted(word: str, expected: list[Any]) -> None:
    """Numbers descend, texts ascend, the unknown comes last; headers are names, too."""
    groups = Groups(["comm"])
    for comm, failed in (("b", 1), ("a", 2), (None, 3), ("c", 1)):
        groups.add([ended("EPERM", comm=comm)] * failed)
    column = sort_column(table_of(["comm"]), word)
    batch = Batch([], NO_LOSSES, [], 1.0, [])
    table, *_ = Tables(groups, column, None).over([batch])
    assert [getattr(row, column.name) for row in table.events] == expected


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("faild", "; did you mean failed?"),
        ("nothing", f": expected one of {', '.join(FLOW)}"),
    ],
)
def test_sorted_by_nothing(word: str, near: str) -> None:
    """A wrong name gets the right one."""
    with pytest.raises(UsageError) as refused:
        sort_column(FLOW, word)
    assert refused.value.line == f"unknown column '{word}'{near}"


GOLDEN = """\
[HH:MM:SS]
COMM         UNIT                     CONNECTS OK       FAILED   PENDING  \
AVG-LAT(ms) MAX-LAT(ms)
curl         a.service                3        2        1        0        \
1.500       1.500
-            -                        1        0        0        1        \
-           -
[1 more row]

[HH:MM:SS]
COMM         UNIT                     CONNECTS OK       FAILED   PENDING  \
AVG-LAT(ms) MAX-LAT(ms)

"""


def written(path: Path, line: str, batches: list[Batch]) -> str:
    """Return what is written for batches."""
    view = View(parse([*line.split(), "-o", str(path)]))
    assert view.counting
    ((_, display),) = view.displays.items()
    output = Output(str(path), display)
    output.open()
    for batch in view.counting.tables().over(batches):
        output.write(batch)
    return path.read_text()


def script() -> list[Batch]:
    """Return what happened in two intervals, nothing in the second."""
    events = [
        ended(result, at, unit="a.service")
        for at, result in enumerate(("OK", "OK", "EPERM"))
    ]
    still_open = connection(comm=None, result="PENDING", monotonic_ns=9)
    other = ended("OK", 8, comm="zz")
    return [
        Batch([*events, other], NO_LOSSES, [], 1.0),
        Batch([], NO_LOSSES, [], 2.0, [still_open]),
    ]


def test_golden_table(tmp_path: Path) -> None:
    """The time, a header, rows, how many more there are, and an empty line."""
    line = "-cr -i 5 --by comm,unit --limit 2"
    text = written(tmp_path / "file", line, script())
    times = [row for row in text.splitlines() if row[:1] == "[" and ":" in row]
    for time in times:
        text = text.replace(time, "[HH:MM:SS]")
    assert text == GOLDEN
    assert len(times) == 2


def test_golden_csv(tmp_path: Path) -> None:
    """One header, and the time in each row."""
    text = written(tmp_path / "file.csv", "-c -i 5 --by comm", script())
    assert text.splitlines() == [
        "time,comm,connects,ok,failed",
        "1970-01-01T00:00:02.000000000Z,curl,3,2,1",
        "1970-01-01T00:00:02.000000000Z,,1,0,0",
        "1970-01-01T00:00:02.000000000Z,zz,1,1,0",
    ]
