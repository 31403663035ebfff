"""Names learned from records as on the ring, and given to attempts."""

from __future__ import annotations

import pytest

from tcpconnect.enrich import allowance
from tcpconnect.enrich.allowance import LATE_NS
from tcpconnect.enrich.names import Names
from tcpconnect.flow import Flow
from tcpconnect.kernel.records import LARGE_ANSWER, STARTED
from tests.support.records import (
    CGROUP,
    IPV4,
    IPV6,
    MS,
    NETNS,
    PID,
    START_NS,
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
    who = {"pid": PID, "start_ns": START_NS}
    names.learn(answers(data, time_ns=50 * MS, asked_ns=20 * MS, **who))
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


def test_wait_is_told_once() -> None:
    """The first connection to each address has waited for the name, no other one."""
    names = Names()
    names.learn(lookup("www", IPV4, IPV6, time_ns=50 * MS, asked_ns=20 * MS))
    first = [named(names, a, monotonic_ns=52 * MS).dns_ms for a in (IPV4, IPV6)]
    again = [named(names, a, monotonic_ns=53 * MS).dns_ms for a in (IPV4, IPV6)]
    assert (first, again) == ([30.0, 30.0], [None, None])
    names.learn(lookup("www", IPV4, time_ns=61 * MS, asked_ns=60 * MS))
    assert [named(names, monotonic_ns=62 * MS).dns_ms for _ in "ab"] == [1.0, None]


def test_wait_of_another_process() -> None:
    """A process that has the name of another one has not waited for it."""
    names = Names()
    names.learn(lookup("www", IPV4, time_ns=50 * MS, asked_ns=20 * MS))
    stranger = named(names, monotonic_ns=52 * MS, pid=2)
    assert (stranger.query, stranger.query_scope) == ("www", "cgroup")
    assert stranger.dns_ms is None
    assert named(names, monotonic_ns=53 * MS).dns_ms == 30.0


def test_wait_of_the_call() -> None:
    """Of a call that asked DNS, the call is what was waited for, and it alone."""
    names = Names()
    who = {"pid": PID, "start_ns": START_NS}
    data = message("www.example", IPV4)
    names.learn(answers(data, time_ns=40 * MS, asked_ns=30 * MS, **who))
    names.learn(lookup("www.example", IPV4, time_ns=50 * MS, asked_ns=20 * MS))
    assert [named(names, monotonic_ns=60 * MS).dns_ms for _ in "ab"] == [30.0, None]


def test_wait_not_known() -> None:
    """Where it is not known when the query left, neither is the wait."""
    names = Names()
    names.learn(answers(message("www.example", IPV4)))
    assert named(names, monotonic_ns=MS).dns_ms is None


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("WwW.sHop.examplE", "www.shop.example"),
        ("db.corp.example.", "db.corp.example"),
        ("DB.Corp.Example", "db.corp.example"),
        ("xn--BCHER-KVA.Example", "xn--bcher-kva.example"),
    ],
)
def test_one_spelling(raw: str, shown: str) -> None:
    """Names are in lower case without a final dot, from whichever source."""
    for source in (answers(message(raw.rstrip("."), IPV4)), lookup(raw, IPV4)):
        names = Names()
        names.learn(source)
        assert query(names) == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("BÜCHER.Example".encode(), "bÜcher.example"),  # DNS knows ASCII's cases only
        (b"\xc3\x9c\xffA", "Ü\\xffa"),
        (b"A\x1b[2J", r"a\x1b[2j"),
        (b"a\\.", r"a\."),  # a dot in a label
        (b".", "."),
        (b"a..", "a."),
        (b"", ""),
    ],
)
def test_spelling_of_odd_names(raw: bytes, shown: str) -> None:
    """Characters outside of ASCII are unchanged, and so are escapes."""
    names = Names()
    names.learn(lookup(raw, IPV4))
    assert query(names) == shown


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
    head = (0, 0, CGROUP, 7, 0, NETNS, 0, 0, 0)
    record = LARGE_ANSWER.layout.pack(*head, len(data), 0, data[:4352])
    names.learn(run(LARGE_ANSWER.length, [record]))
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
    nothing = "ffff:" * 7 + "ffff"
    names.learn(lookup("www.example", nothing, IPV4))
    assert (query(names, nothing), query(names)) == (None, "www.example")


def test_hostile_lookup() -> None:
    """A name has nothing in it that is not printable, whatever was looked up."""
    names = Names()
    names.learn(lookup("\x1b[2m\u202e\u200b".encode() + b"\xff\n", IPV4))
    assert query(names) == r"\x1b[2m\u202e\u200b\xff\n"


def test_started_processes() -> None:
    """Processes that may have a new C library are listed for the one who cares."""
    names = Names()
    names.learn(run(STARTED.length, [STARTED.layout.pack(0, pid) for pid in (7, 8)]))
    assert names.started == [7, 8]


def flow(daddr: str, *netnses: int) -> Flow:
    """Return a flow to an address from these network namespaces."""
    return Flow("10.1.1.1", daddr, 80, 1, 1, 0, netnses=netnses or (NETNS,))


def test_names_of_flows() -> None:
    """A flow has the newest name of its network namespaces, and a mark for others."""
    names = Names()
    names.learn(answers(message("host.example", "10.1.2.1"), netns=8, time_ns=3))
    names.learn(answers(message("netns.example", "10.1.2.2"), time_ns=1))
    names.learn(answers(message("host.example", "10.1.2.2"), netns=8, time_ns=3))
    names.learn(lookup("old.example", "10.1.2.3", time_ns=1))
    names.learn(lookup("new.example", "10.1.2.3", time_ns=2, pid=2))
    addresses = ("10.1.2.1", "10.1.2.2", "10.1.2.3", "10.1.2.4", "::1")
    flows = [flow(address) for address in addresses]
    names.add_to_flows(flows, MS)
    assert [(each.query, each.names_differ) for each in flows] == [
        ("host.example", False),
        ("netns.example", True),
        ("new.example", True),
        (None, False),
        ("localhost", False),
    ]


def test_names_of_flows_of_several_namespaces() -> None:
    """Local addresses have the names of the namespaces of their connects."""
    names = Names()
    for netns in (7, 8, 9):
        names.learn(
            lookup(f"n{netns}.example", "127.1.2.3", netns=netns, time_ns=netns)
        )
    flows = [flow("127.1.2.3", *netnses) for netnses in ((7,), (8, 7), (6,))]
    names.add_to_flows(flows, MS)
    shown = [(each.query, each.names_differ) for each in flows]
    assert shown == [("n7.example", False), ("n8.example", True), (None, False)]


def test_late_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Late records are skipped, and counted, when their share of the time is used."""
    monkeypatch.setattr(allowance, "LATE_SHARE", 0.0)
    names = Names(now_ns=lambda: MS + LATE_NS)
    for text in ("first", "second", "third"):
        names.learn(lookup(text, IPV4, time_ns=MS))
        names.learn(answers(message(text, IPV6), time_ns=MS))
    assert names.skipped == 5  # all but the first
    assert named(names, IPV4, monotonic_ns=2 * MS).query == "first"
    names.learn(lookup("soon", IPV4, time_ns=2 * MS))
    assert named(names, IPV4, monotonic_ns=3 * MS).query == "soon"
