"""The summary at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpconnect.flow import Flow
from tcpconnect.parsing import parse
from tcpconnect.summary import MAX_FAILURES, FailingPlaces, Summary, filters_of
from tests.support.properties import steady
from tests.support.samples import connection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tcpconnect.connection import Connection


def attempt(
    result: str | None, why: str | None = None, daddr: str = "192.0.2.1", **members: int
) -> Connection:
    """Return an attempt that ended so."""
    made = connection(daddr=daddr, dport=members.pop("dport", 443))
    made.result, made.why, made.query = result, why, None
    return made


def summary(events: Iterable[object], filters: str = "", **known: bool) -> list[str]:
    """Return the lines for these events, after 12 seconds."""
    times = iter((100.0, 112.4))
    stage = Summary(filters, now=lambda: next(times), **known)
    assert stage([]) == []
    for event in events:
        assert stage([event]) == [event]
    return list(stage.lines())


def test_what_failed_and_where() -> None:
    """Results by their number, each with its reasons, and the worst destinations."""
    named = attempt("ECONNREFUSED", "RST", "2001:db8::1")
    named.query = "db.example"
    events = [
        *[attempt("OK")] * 3,
        *[attempt("ETIMEDOUT", "no answer")] * 2,
        *[named] * 3,
        *[attempt("ECONNREFUSED", "ICMP", dport=80)],
        *[attempt("ABORTED", "closed", "192.0.2.7")],
        attempt("PENDING"),
    ]
    worst = "[2001:db8::1]:443 (db.example) 3, 192.0.2.1:443 2, 192.0.2.1:80 1"
    assert summary(events) == [
        "11 attempts in 12 s: 3 OK, 7 failed, 1 pending",
        "  ECONNREFUSED 4: RST 3, ICMP 1",
        "  ETIMEDOUT 2: no answer 2",
        "  ABORTED 1: closed 1",
        f"  most failures: {worst}",
    ]


def test_without_reasons() -> None:
    """With -r alone."""
    assert summary([attempt("ETIMEDOUT")]) == [
        "1 attempt in 12 s: 1 failed",
        "  ETIMEDOUT 1",
        "  most failures: 192.0.2.1:443 1",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 ms"),
        (0.0204, "20 ms"),
        (1.26, "1.3 s"),
        (9.99, "10.0 s"),
        (75.6, "76 s"),
    ],
)
def test_time(seconds: float, text: str) -> None:
    """It is as precise as it is long."""
    times = iter((1.0, 1.0 + seconds))
    stage = Summary(now=lambda: next(times))
    stage([])
    assert next(stage.lines()).startswith(f"0 attempts in {text};")


def test_without_results() -> None:
    """How attempts end is not known: they are counted."""
    events = [attempt(None)] * 2
    assert summary(events, with_result=False) == ["2 attempts in 12 s"]


def test_flows() -> None:
    """With -c, by destination only."""
    flows = [
        Flow("192.0.2.9", "192.0.2.1", 443, 10, 7, 2),
        Flow("192.0.2.9", "192.0.2.2", 80, 5, 5, 0),
    ]
    assert summary(flows, count=True) == [
        "15 attempts in 12 s: 12 OK, 2 failed, 1 pending",
        "  most failures: 192.0.2.1:443 2",
    ]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ("", "0 attempts in 12 s; no program began a TCP connection"),
        ("-P 443", "0 attempts in 12 s that matched; filters: -P 443"),
    ],
)
def test_nothing_came(filters: str, expected: str) -> None:
    """It says what that means."""
    assert summary([], filters) == [expected]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ("", "0 attempts in 12 s; 3 lookups failed"),
        (
            "-P 443",
            "0 attempts in 12 s that matched; 3 lookups failed; filters: -P 443",
        ),
    ],
)
def test_only_lookups(filters: str, expected: str) -> None:
    """What has no address was not attempted."""
    lookup = attempt("NXDOMAIN", "lookup", "")
    lookup.query = "nosuch.example"
    lookup.daddr = None
    assert summary([lookup] * 3, filters) == [
        expected,
        "  NXDOMAIN 3: lookup 3",
        "  most failures: nosuch.example 3",
    ]


def test_many_results() -> None:
    """There is room for so many; the rest are counted together."""
    events = [attempt(f"errno {n}") for n in range(MAX_FAILURES + 10)]
    lines = summary(events)
    assert lines[1] == "  others 10"
    assert len(lines) == MAX_FAILURES + 3


@steady
@given(st.lists(st.integers(0, 40), max_size=300))
def test_places_are_bounded(places: list[int]) -> None:
    """What is shown is exact while there is room, and never too much."""
    room = 8
    counter = FailingPlaces(room)
    for number in places:
        counter.add((f"192.0.2.{number}", 80), None)
    exact = len(set(places)) <= room
    shown = list(counter.worst())
    for line in shown:
        place, *least, count = line.split()
        number = int(place.removeprefix("192.0.2.").removesuffix(":80"))
        true = places.count(number)
        assert int(count) == true if exact else int(count) <= true
        assert least == ([] if exact else ["at", "least"])
    if exact:
        assert len(shown) == min(3, len(set(places)))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ""),
        (["-r", "-t", "--json"], ""),
        (["-P", "443"], "-P 443"),
        (["-P", "80,443,8000-8100", "--failed"], "-P 80,443,8000-8100 --failed"),
        (["-6", "--slower", "0.5"], "-6 --slower 0.5"),
        (["-p", "7", "-p", "9"], "-p 7,9"),
        (
            ["--comm", "curl,wget", "--to", "10.0.0.0/8"],
            "--comm curl,wget --to 10.0.0.0/8",
        ),
        (["--cgroupmap", "/sys/fs/bpf/x"], "--cgroupmap /sys/fs/bpf/x"),
        (["-P", ",".join(map(str, range(1, 40, 2)))], "-P 1,3,5,7,9,11,13,15,…"),
        (["-P", "443", "--", "curl", "-s"], "-P 443 -- curl"),
    ],
)
def test_filters(words: list[str], expected: str) -> None:
    """They are those of the command line, in the order of its table."""
    assert filters_of(parse(words)) == expected
