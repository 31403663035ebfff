"""The filters of user space: names, units, pods and results."""

from __future__ import annotations

from typing import Any

import pytest

from tcpconnect.errors import UsageError
from tcpconnect.parsing import parse
from tcpconnect.settings import Settings
from tcpconnect.view import View
from tcpconnect.wanted import Wanted
from tests.support.samples import connection


def passed(events: list[dict[str, Any]], **filters: Any) -> list[int]:
    """Return the indexes of the events that pass."""
    made = [connection(dport=n, **changes) for n, changes in enumerate(events)]
    return [event.dport or 0 for event in Wanted(Settings(**filters))(made)]


NAMES = [
    {"query": "db.corp.example"},
    {"query": "corp.example"},
    {"query": "DB.Corp.Example"},
    {"query": None},
    {"query": "db.corp.example.org"},
    {"query": "dbxcorp.example"},
]
UNITS = [
    {"unit": "nginx.service"},
    {"unit": "nginx.scope"},
    {"unit": "nginx"},
    {"unit": None},
    {"unit": "getty@tty1.service"},
]
PODS = [
    {"pod": "shop/web-1"},
    {"pod": "test/web-1"},
    {"pod": "shop/web-2"},
    {"pod": None},
    {"pod": "3b7cda51"},
]
RESULTS = [{"result": result} for result in ("OK", "EPERM", None, "NXDOMAIN")]


@pytest.mark.parametrize(
    ("events", "filters", "expected"),
    [
        (NAMES, {"to_names": ["*.corp.example"]}, [0, 2]),
        (NAMES, {"to_names": ["corp.example"]}, [1]),
        (NAMES, {"to_names": ["CORP.example", "db.*"]}, [0, 1, 2, 4]),
        (NAMES, {"to_names": ["*"]}, [0, 1, 2, 4, 5]),
        (UNITS, {"units": ["nginx"]}, [0, 2]),
        (UNITS, {"units": ["nginx.service"]}, [0]),
        (UNITS, {"units": ["nginx.scope"]}, [1]),
        (UNITS, {"units": ["getty@*"]}, [4]),
        (UNITS, {"units": ["getty@tty[0-9]", "nginx.s*"]}, [0, 1, 4]),
        (PODS, {"pods": ["web-1"]}, [0, 1]),
        (PODS, {"pods": ["shop/web-1"]}, [0]),
        (PODS, {"pods": ["shop/*"]}, [0, 2]),
        (PODS, {"pods": ["web-*"]}, [0, 1, 2]),
        (PODS, {"pods": ["3b7cda51"]}, [4]),
        (RESULTS, {"results": ["EPERM", "nxdomain"]}, [1, 3]),
        (RESULTS, {"results": ["ok"]}, [0]),
        (PODS, {"pods": ["*"], "results": ["OK"]}, []),
    ],
)
def test_passes(
    events: list[dict[str, Any]], filters: dict[str, Any], expected: list[int]
) -> None:
    """Patterns match whole values, and nothing that is unknown."""
    assert passed(events, **filters) == expected


@pytest.mark.parametrize(
    ("line", "member", "expected"),
    [
        ("--to-name *.a.example,b.", "to_names", {"*.a.example", "b"}),
        ("--unit a --unit b,c", "units", {"a", "b", "c"}),
        ("--pod shop/a", "pods", {"shop/a"}),
        ("--result ok,EnetUnreach", "results", {"OK", "ENETUNREACH"}),
        ("--result nxdomain --result=EAI_AGAIN", "results", {"NXDOMAIN", "EAI_AGAIN"}),
        ("--not-comm a,-b", "not_comms", {"a", "-b"}),
        ("--not-container web", "not_containers", {"web"}),
    ],
)
def test_parsed(line: str, member: str, expected: set[str]) -> None:
    """The options are lists, and may be given again."""
    assert parse(line.split()).changes == {member: expected}


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("ECONREFUSED", "; did you mean ECONNREFUSED"),
        ("nxdomian", "; did you mean NXDOMAIN"),
        ("nothing", ""),
    ],
)
def test_unknown_result(word: str, near: str) -> None:
    """A word that RESULT never has is refused."""
    with pytest.raises(UsageError) as refused:
        parse(["--result", word])
    line = refused.value.line
    assert line.startswith(f"argument --result: unknown result '{word}'{near}")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--to-name x", "named"),
        ("--unit x", "with_process"),
        ("--pod x", "with_process with_containers"),
        ("--result OK", "with_result wait_end"),
        ("--result EPERM", "with_result wait_end only_failed slow_refusals"),
        ("--result ok,eperm", "with_result wait_end"),
        ("--to-name x -r", "named with_result wait_end lookups"),
        ("--not-comm x --not-container y", ""),
    ],
)
def test_what_it_takes(line: str, expected: str) -> None:
    """A filter has its column filled, whether that is shown or not."""
    names = (
        "named with_process with_containers with_result wait_end only_failed "
        "slow_refusals lookups"
    )
    settings = View(parse(line.split())).settings
    actual = [name for name in names.split() if getattr(settings, name)]
    assert actual == expected.split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--to-name x", ""),
        ("--to-name x -d", " query"),
        ("--result OK", " latency_ms result"),
        ("--unit x --pod y", ""),
    ],
)
def test_what_it_shows(line: str, expected: str) -> None:
    """--result shows results, as --failed does; names are shown with -d only."""
    columns = View(parse(line.split())).displays[None].columns
    shown = " ".join(column.name for column in columns)
    assert shown == f"pid comm ip saddr daddr dport{expected}"


def test_counts_of_the_kernel() -> None:
    """What the kernel counts is not decoded."""
    with pytest.raises(UsageError, match=r"^units conflicts with count: attempts are"):
        Settings(count=True, units=["x"])
