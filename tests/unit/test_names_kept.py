"""Of many names which one is shown, and how many are kept for how long."""

from __future__ import annotations

import tracemalloc

import pytest

from tcpconnect.enrich import namestore
from tcpconnect.enrich.names import Names
from tcpconnect.query import LOOPBACK
from tests.support.records import (
    IPV4,
    MS,
    PID,
    START_NS,
    answers,
    lookup,
    message,
    named,
    query,
)


def test_whose_name() -> None:
    """The process's own, else its cgroup's, else its netns's, else of the machine.

    In each the newest counts. A cgroup that is in another namespace comes before the
    namespace.
    """
    names = Names()
    other = {"pid": 2, "start_ns": 3}
    steps = [
        (answers(message("host.example", IPV4), cgroup=8, netns=8, **other), "host"),
        (answers(message("netns.example", IPV4), cgroup=9, **other), "netns"),
        (answers(message("cgroup.example", IPV4), netns=9, **other), "cgroup"),
        (answers(message("cgroup.example", IPV4), **other), "cgroup"),
        (lookup("cgroup.example", IPV4, pid=2), "cgroup"),
        (
            answers(message("process.example", IPV4), pid=PID, start_ns=START_NS),
            "process",
        ),
        (lookup("process.example", IPV4), "process"),
    ]
    for step, scope in steps:
        names.learn(step)
        shown = named(names, monotonic_ns=MS)
        assert (shown.query, shown.query_scope) == (f"{scope}.example", scope)
    for step, _ in steps[:-2]:
        names.learn(step)
        assert query(names) == "process.example"


def test_names_without_scope() -> None:
    """An address without a name, or with a name without an asker, has no scope."""
    for address in (IPV4, "127.0.0.1"):
        assert named(Names(), address, monotonic_ns=MS).query_scope is None


def test_root_cgroup_is_no_place() -> None:
    """Where all are in the root of cgroup v2, the network namespace is nearest."""
    names = Names()
    names.learn(answers(message("other.example", IPV4), cgroup=1, netns=8))
    shown = named(names, monotonic_ns=MS, cgroup_id=1)
    assert (shown.query, shown.query_scope) == ("other.example", "host")
    names.learn(answers(message("near.example", IPV4), cgroup=1))
    names.learn(answers(message("other.example", IPV4), cgroup=1, netns=8))
    shown = named(names, monotonic_ns=MS, cgroup_id=1)
    assert (shown.query, shown.query_scope) == ("near.example", "netns")


def test_next_owner_of_a_pid() -> None:
    """A process does not have the names of one that had its PID before."""
    names = Names()
    names.learn(lookup("dead.example", IPV4, start_ns=1, netns=8))
    names.learn(lookup("newer.example", IPV4, start_ns=2, pid=2))
    shown = named(names, monotonic_ns=MS, start_ns=2)
    assert (shown.query, shown.query_scope) == ("newer.example", "cgroup")
    assert query(names, start_ns=1) == "dead.example"


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.255.2.3", "::1", "fe80::1", "febf:1::2"]
)
def test_local_addresses(address: str) -> None:
    """A name of a local address is that of one network namespace."""
    names = Names()
    names.learn(lookup("pknic.example", address, netns=8))
    local = LOOPBACK.get(address)
    assert [query(names, address, netns=n) for n in (7, 8)] == [local, "pknic.example"]
    assert query(names, address, netns=8, pid=2, cgroup_id=9) == "pknic.example"


@pytest.mark.parametrize(
    "address",
    ["128.0.0.1", "12.7.0.1", "::2", "1::1", "::127.0.0.1", "fec0::1", "fe8::1"],
)
def test_other_addresses(address: str) -> None:
    """A name of any other address crosses namespaces."""
    names = Names()
    names.learn(lookup("www.example", address, netns=8))
    assert query(names, address, netns=7) == "www.example"


def test_newest_of_a_scope() -> None:
    """Of several names the newest is shown, from whichever source."""
    names = Names()
    names.learn(answers(message("a.example", IPV4), time_ns=1))
    names.learn(lookup("b.example", IPV4, pid=2, time_ns=2))
    assert query(names) == "b.example"
    names.learn(answers(message("c.example", IPV4), time_ns=3))
    assert query(names) == "c.example"


def test_attempt_before_the_newest_answer() -> None:
    """An attempt has the name that was known when it began."""
    names = Names()
    for i in range(1, 5):
        names.learn(answers(message(f"n{i}.example", IPV4), time_ns=10 * i))
    shown = [query(names, monotonic_ns=t) for t in (9, 10, 19, 25, 35, 99)]
    expected = [None, "n1", "n1", "n2", "n3", "n4"]
    assert shown == [name and f"{name}.example" for name in expected]


def test_attempt_before_many_answers() -> None:
    """However often a name comes, those that came before it are known.

    The age of one that came more often than is kept is not.
    """
    names = Names()
    names.learn(answers(message("old.example", IPV4), time_ns=5))
    for time_ns in range(10, 1000, 10):
        names.learn(answers(message("new.example", IPV4), time_ns=time_ns))
    shown = [named(names, monotonic_ns=t) for t in (5, 10, 500, 985, 990)]
    expected = ["old.example", *["new.example"] * 4]
    assert [attempt.query for attempt in shown] == expected
    ages = [attempt.query_age_ms is None for attempt in shown]
    assert ages == [False, True, True, False, False]


def test_few_names_of_a_scope_are_kept() -> None:
    """What came before the last few names is not known any more."""
    names = Names()
    for i in range(100):
        names.learn(answers(message(f"n{i}.example", IPV4), time_ns=10 * i))
    assert query(names, monotonic_ns=985) == "n98.example"
    assert query(names, monotonic_ns=5) is None


def test_thousand_names() -> None:
    """A thousand processes that know an address by a thousand names show their own."""
    names = Names()
    for i in range(1, 1001):
        names.learn(lookup(f"n{i}.example", IPV4, pid=i))
    shown = [query(names, pid=i) for i in range(1, 1001)]
    assert shown == [f"n{i}.example" for i in range(1, 1001)]


def test_ttl() -> None:
    """A name is forgotten after its time, and so is one that came often."""
    names = Names(ttl_s=0.001)
    for time_ns in range(10):
        names.learn(answers(message("www.example", IPV4), time_ns=time_ns))
    assert query(names, monotonic_ns=MS + 9) == "www.example"
    assert query(names, monotonic_ns=MS + 10) is None


def test_ttl_of_loopback() -> None:
    """Then 127.0.0.1 is localhost again."""
    names = Names(ttl_s=0.001)
    names.learn(answers(message("mine.example", "127.0.0.1")))
    shown = [query(names, "127.0.0.1", monotonic_ns=t) for t in (MS, MS + 1)]
    assert shown == ["mine.example", "localhost"]


def test_oldest_address_goes_first() -> None:
    """More addresses than there is room for replace those not named for longest."""
    names = Names(max_addresses=2)
    for i in (1, 2, 1, 3):
        names.learn(answers(message(f"n{i}.example", f"10.0.0.{i}")))
    shown = [query(names, f"10.0.0.{i}") for i in (1, 2, 3)]
    assert shown == ["n1.example", None, "n3.example"]


def test_scopes_of_an_address_are_bounded() -> None:
    """Processes whose own names were removed show the names of others."""
    names = Names()
    most = namestore.SCOPES_PER_ADDRESS
    for pid in range(1, most + 1):
        names.learn(lookup(f"n{pid}.example", IPV4, pid=pid))
    assert query(names, pid=most) == f"n{most}.example"
    assert query(names, pid=1) == f"n{most}.example"


def test_memory_is_bounded() -> None:
    """Many addresses that many processes look up take no more room than few.

    The newest are kept.
    """
    names = Names(max_addresses=100)
    addresses = [f"10.0.0.{i}" for i in range(100)]
    tracemalloc.start()
    try:
        for pid in range(1, 61):
            names.learn(lookup(f"n{pid}.example", *addresses, pid=pid))
        bytes_kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert bytes_kept < 1_000_000
    assert query(names, addresses[-1], pid=60) == "n60.example"
