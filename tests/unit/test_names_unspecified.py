"""Names of 0.0.0.0 and ::, which stand for the loopback address."""

from __future__ import annotations

import pytest

from tcpconnect.enrich.names import Names
from tests.support.records import (
    MS,
    PID,
    START_NS,
    answers,
    lookup,
    message,
    named,
    query,
)

UNSPECIFIED = "0.0.0.0"  # noqa: S104


@pytest.mark.parametrize(
    ("unspecified", "loopback"), [(UNSPECIFIED, "127.0.0.1"), ("::", "::1")]
)
def test_unspecified_address(unspecified: str, loopback: str) -> None:
    """Its name goes to the process's next attempt to reach the loopback address."""
    names = Names()
    names.learn(lookup("ads.example", unspecified, time_ns=10 * MS))
    shown = [
        named(names, loopback, monotonic_ns=12 * MS, pid=2),
        named(names, loopback, monotonic_ns=12 * MS, start_ns=2),
        named(names, loopback, monotonic_ns=9 * MS),
        named(names, "10.1.2.3", monotonic_ns=12 * MS),
        named(names, loopback, monotonic_ns=12 * MS, visited_ns=9 * MS),
        named(names, loopback, monotonic_ns=13 * MS, visited_ns=12 * MS),
    ]
    queries = [attempt.query for attempt in shown]
    local = "localhost"
    assert queries == [local, local, local, None, "ads.example", local]
    assert (shown[4].query_scope, shown[4].query_age_ms) == ("process", 2.0)


def test_unspecified_addresses_of_both_versions() -> None:
    """Each loopback address is named once, by the newest of the names before it."""
    names = Names()
    names.learn(lookup("old.example", UNSPECIFIED, time_ns=1))
    names.learn(lookup("ads.example", UNSPECIFIED, "::", time_ns=2))
    shown = [
        query(names, address, monotonic_ns=time_ns, visited_ns=visited_ns)
        for address in ("127.0.0.1", "::1")
        for time_ns, visited_ns in ((3, 0), (4, 3))
    ]
    assert shown == ["ads.example", "localhost"] * 2


def test_unspecified_address_of_an_answer() -> None:
    """It is named for the process that asked; where that is not known, for none."""
    names = Names()
    data = message("ads.example", UNSPECIFIED)
    names.learn(answers(data, time_ns=1))
    assert query(names, "127.0.0.1") == "localhost"
    names.learn(answers(data, time_ns=1, pid=PID, start_ns=START_NS))
    assert query(names, "127.0.0.1") == "ads.example"


def test_unspecified_address_and_a_later_name() -> None:
    """A name that the process asked for since then comes first, and uses it up."""
    names = Names()
    names.learn(lookup("ads.example", UNSPECIFIED, time_ns=1))
    names.learn(lookup("mine.example", "127.0.0.1", time_ns=2))
    assert [query(names, "127.0.0.1") for _ in range(2)] == ["mine.example"] * 2
    names.learn(lookup("ads.example", UNSPECIFIED, time_ns=3))
    shown = [query(names, "127.0.0.1") for _ in range(2)]
    assert shown == ["ads.example", "mine.example"]


def test_unspecified_address_of_attempts_that_end_late() -> None:
    """Whatever ends first, a name goes to the attempt that began first after it."""
    names = Names()
    names.learn(lookup("a.example", UNSPECIFIED, time_ns=10))
    names.learn(lookup("b.example", UNSPECIFIED, time_ns=30))
    begun = [5, 20, 25, 40, 50]
    before = dict(zip(begun, [0, *begun], strict=False))
    shown = {
        time_ns: query(
            names, "127.0.0.1", monotonic_ns=time_ns, visited_ns=before[time_ns]
        )
        for time_ns in (50, 25, 40, 20, 5)
    }
    local = "localhost"
    assert [shown[time_ns] for time_ns in begun] == [
        local,
        "a.example",
        local,
        "b.example",
        local,
    ]


def test_unspecified_address_of_two_attempts_at_once() -> None:
    """Of two that the kernel takes for the first, one has the name."""
    names = Names()
    names.learn(lookup("ads.example", UNSPECIFIED, time_ns=10))
    names.learn(lookup("new.example", UNSPECIFIED, time_ns=20))
    shown = [query(names, "127.0.0.1", monotonic_ns=11, visited_ns=9) for _ in range(2)]
    assert shown == ["ads.example", "localhost"]
    assert query(names, "127.0.0.1", visited_ns=11) == "new.example"
