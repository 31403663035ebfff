"""Names learned from records as on the ring, and given to attempts."""

from __future__ import annotations

import pytest

from tcpconnect.enrich.names import LARGE_ANSWER, STARTED, Names
from unit.records import (
    CGROUP,
    IPV4,
    IPV6,
    MS,
    NETNS,
    answers,
    lookup,
    message,
    named,
    query,
    run,
)


def test_answer() -> None:
    """Each address of an answer has its name, source, age and the wait for it."""
    names = Names()
    data = message("www.example", IPV4, "10.1.2.4")
    names.learn(answers(data, time_ns=50 * MS, asked_ns=20 * MS))
    for address in (IPV4, "10.1.2.4"):
        shown = named(names, address, monotonic_ns=52 * MS)
        assert (shown.query, shown.query_source) == ("www.example", "dns")
        assert (shown.query_age_ms, shown.dns_ms) == (2.0, 30.0)


def test_lookup() -> None:
    """So has each address that getaddrinfo gave."""
    names = Names()
    addresses = (IPV4, IPV6)
    names.learn(lookup("www", *addresses, time_ns=50 * MS, asked_ns=20 * MS))
    for address in addresses:
        shown = named(names, address, monotonic_ns=52 * MS)
        assert (shown.query, shown.query_source) == ("www", "libc")
        assert (shown.query_age_ms, shown.dns_ms) == (2.0, 30.0)


def test_wait_not_known() -> None:
    """Where it is not known when the query left, neither is the wait."""
    names = Names()
    names.learn(answers(message("www.example", IPV4)))
    assert named(names, monotonic_ns=MS).dns_ms is None


@pytest.mark.parametrize(
    ("address", "shown"), [("127.0.0.1", "localhost"), ("::1", "localhost")]
)
def test_localhost(address: str, shown: str) -> None:
    """Loopback addresses have a name of their own, from nowhere."""
    attempt = named(Names(), address)
    assert attempt.query == shown
    assert (attempt.query_source, attempt.query_age_ms) == (None, None)


def test_large_answer() -> None:
    """Answers of more than 512 bytes come in records of their own length."""
    addresses = [f"10.2.{i}.1" for i in range(60)]
    names = Names()
    names.learn(answers(message("many.example", *addresses)))
    assert [query(names, a) for a in addresses] == ["many.example"] * 60


def test_run_of_answers() -> None:
    """A run has many records."""
    texts = [f"n{i}.example" for i in range(20)]
    names = Names()
    names.learn(answers(*(message(t, f"10.2.{i}.1") for i, t in enumerate(texts))))
    assert [query(names, f"10.2.{i}.1") for i in range(20)] == texts


def test_malformed_answers_are_counted() -> None:
    """What is no answer is counted; the others are read."""
    names = Names()
    good = message("www.example", IPV4)
    names.learn(answers(b"?", good, good[:30]))
    assert (names.unread, query(names)) == (2, "www.example")


def test_cut_answer_is_counted() -> None:
    """An answer that is longer than its record is one that was not read."""
    names = Names()
    data = message("many.example", *(f"10.2.{i // 250}.{i % 250}" for i in range(300)))
    head = (0, 0, CGROUP, 7, 0, 0, NETNS, 0, 0)
    record = LARGE_ANSWER.pack(*head, len(data), 0, data[:4352])
    names.learn(run(LARGE_ANSWER.size, [record]))
    assert names.unread == 1


def test_cut_lookup_is_counted() -> None:
    """A lookup of more addresses than fit its record is counted, and read."""
    names = Names()
    names.learn(lookup("many.example", IPV4, cut=1))
    assert (names.unread, query(names)) == (1, "many.example")


@pytest.mark.parametrize(
    "text", ["10.1.2.3", "10.515", "0x7f.1", "1", "::1", "fe80::1%eth0"]
)
def test_lookup_of_an_address(text: str) -> None:
    """A program that looks up an address has not named it."""
    names = Names()
    names.learn(lookup(text, IPV4))
    assert query(names) is None


@pytest.mark.parametrize("text", ["www.example", "a", "10.1.2.3.example", "1.2.3.4.5"])
def test_lookup_of_a_name(text: str) -> None:
    """Anything else is a name."""
    names = Names()
    names.learn(lookup(text, IPV4))
    assert query(names) == text


def test_address_of_no_ip_version() -> None:
    """What getaddrinfo gave that is no IP address is passed over."""
    names = Names()
    names.learn(lookup("www.example", "::", IPV4))
    assert (query(names, "::"), query(names)) == (None, "www.example")


def test_hostile_lookup() -> None:
    """A name has nothing in it that is not printable, whatever was looked up."""
    names = Names()
    names.learn(lookup("\x1b[2J\u202e\u200b".encode() + b"\xff\n", IPV4))
    assert query(names) == r"\x1b[2J\u202e\u200b\xff\n"


def test_started_processes() -> None:
    """Processes that may have a new C library are listed for the one who cares."""
    names = Names()
    names.learn(run(STARTED.size, [STARTED.pack(0, 7), STARTED.pack(0, 8)]))
    assert names.started == [7, 8]
