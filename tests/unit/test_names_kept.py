"""Of many names which one is shown, and how many are kept for how long."""

from __future__ import annotations

import tracemalloc

from tcpconnect.enrich import names as module
from tcpconnect.enrich.names import Names
from unit.records import IPV4, MS, answers, lookup, message, named, query


def test_own_lookup_comes_first() -> None:
    """The process's own lookup, then its cgroup and netns, in which the newest counts.

    A cgroup that is in another namespace comes before the namespace, which comes before
    all others.
    """
    names = Names()
    steps = [
        (answers(message("any.example", IPV4), cgroup=8, netns=8), "any.example"),
        (answers(message("netns.example", IPV4), cgroup=9), "netns.example"),
        (answers(message("cgroup.example", IPV4), netns=9), "cgroup.example"),
        (answers(message("both.example", IPV4)), "both.example"),
        (lookup("other.example", IPV4, pid=2), "other.example"),
        (lookup("own.example", IPV4), "own.example"),
    ]
    for step, expected in steps:
        names.learn(step)
        assert query(names) == expected
    for step, _ in steps[:-1]:
        names.learn(step)
        assert query(names) == "own.example"


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
    """More addresses than there is room for push out those not told for longest."""
    names = Names(max_addresses=2)
    for i in (1, 2, 1, 3):
        names.learn(answers(message(f"n{i}.example", f"10.0.0.{i}")))
    shown = [query(names, f"10.0.0.{i}") for i in (1, 2, 3)]
    assert shown == ["n1.example", None, "n3.example"]


def test_scopes_of_an_address_are_bounded() -> None:
    """Those who have not been told for longest show what others were told."""
    names = Names()
    count = module.SCOPES_PER_ADDRESS
    for pid in range(1, count + 1):
        names.learn(lookup(f"n{pid}.example", IPV4, pid=pid))
    assert query(names, pid=count) == f"n{count}.example"
    assert query(names, pid=1) == f"n{count}.example"


def test_memory_is_bounded() -> None:
    """Many addresses that many processes look up take no more room than few.

    The newest are kept.
    """
    names = Names(max_addresses=100)
    addresses = [f"10.0.0.{i}" for i in range(100)]
    tracemalloc.start()
    try:
        for pid in range(1, 401):
            names.learn(lookup(f"n{pid}.example", *addresses, pid=pid))
        bytes_kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert bytes_kept < 3_000_000
    assert query(names, addresses[-1], pid=400) == "n400.example"
