"""Answers and lookups from the network: learned or counted, whatever they are."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import dns.message
import dns.rrset

from tcpconnect.enrich import streams
from tcpconnect.enrich.dns import MAX_TARGETS, parse
from tcpconnect.enrich.names import Names
from tcpconnect.enrich.wire import MalformedError
from tcpconnect.kernel.records import (
    LARGE_ANSWER,
    LARGE_ANSWER_BYTES,
    LOOKUP,
    SMALL_ANSWER,
    SMALL_ANSWER_BYTES,
    STARTED,
)
from tests.support.material import MUTATIONS, mutated
from tests.support.records import MS, query, raw, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

    from tcpconnect.bpf.ring import Run
    from tests.support.fuzzing import Fuzz

BATCH = 500
MAX_ADDRESSES = 100
MAX_BYTES = 20_000_000  # of all that is kept: names, and streams under way


Set = tuple[str, str, list[str]]


def seed(name: str, kind: str, *sets: Set, more: Sequence[Set] = ()) -> bytes:
    """Return an answer as real servers give it; ``more`` are additional records."""
    asked = dns.message.make_query(name, kind, use_edns=0, payload=4096)
    response = dns.message.make_response(asked)
    for section, those in ((response.answer, sets), (response.additional, more)):
        for owner, type_, values in those:
            section.append(dns.rrset.from_text_list(owner, 60, "IN", type_, values))
    return response.to_wire()


ALIASES = (
    ("www.example.", "CNAME", ["a.cdn.example."]),
    (
        "a.cdn.example.",
        "CNAME",
        ["b.edge.example.net."],
    ),
)
HINTS = "alpn=h2 ipv4hint=10.1.2.3 ipv6hint=fd00::1"
MANY = [f"10.9.{i}.1" for i in range(60)]
SEEDS = [
    seed("www.example", "A", ("www.example.", "A", ["10.1.2.3", "10.1.2.4"])),
    seed("www.example", "AAAA", ("www.example.", "AAAA", ["fd00::1"])),
    seed("www.example", "A", *ALIASES, ("b.edge.example.net.", "A", ["10.1.2.3"])),
    seed("many.example", "A", ("many.example.", "A", MANY)),
    seed("x.example", "TXT", ("x.example.", "TXT", ['"text"', '"more"'])),
    seed("x.example", "MX", ("x.example.", "MX", ["10 mail.x.example."])),
    seed("none.example", "A"),
    seed("www.example", "HTTPS", ("www.example.", "HTTPS", [f"1 . {HINTS}"])),
    seed(
        "_ldap._tcp.example",
        "SRV",
        (
            "_ldap._tcp.example.",
            "SRV",
            ["0 5 389 dc1.example.", "0 5 389 dc2.example."],
        ),
        more=[
            ("dc1.example.", "A", ["10.1.2.3"]),
            ("dc2.example.", "AAAA", ["fd00::1"]),
        ],
    ),
]


def change_addresses(random: Random, data: bytearray) -> bytes:
    """Keep the message; its last record, and so perhaps its address, is another."""
    for i in range(len(data) - 15, len(data) - 11):  # OPT is behind it
        data[max(i, 0)] = random.randrange(256)
    return bytes(data)


def answer(random: Random) -> bytes:
    """Return an answer that differs from those of real servers."""
    return mutated(random, SEEDS, (*MUTATIONS, change_addresses))[:65535]


def process(random: Random) -> tuple[int, int, int]:
    """Return when a process began, where it is, and its PID.

    Of one answer in four it is not known which it is.
    """
    netns = random.randrange(50)
    if random.randrange(4) == 0:
        return 0, netns, 0
    return random.randrange(50), netns, random.randrange(1 << 22)


def times(random: Random) -> tuple[int, int]:
    """Return when an answer came, and when it was asked for: never, or even later."""
    return random.randrange(MS), random.choice((0, random.randrange(2 * MS)))


def udp(random: Random, data: bytes) -> tuple[int, bytes]:
    """Return the length and the bytes of a record of an answer over UDP."""
    kind = SMALL_ANSWER if len(data) <= SMALL_ANSWER_BYTES else LARGE_ANSWER
    who = random.randrange(50), 0, *process(random)
    length = random.choice((len(data), len(data), random.randrange(1 << 32)))
    record = kind.layout.pack(*times(random), *who, 0, 0, length, 0, data)
    return kind.length, record


def tcp(random: Random, data: bytes) -> tuple[int, bytes]:
    """Return the length and the bytes of a record of a segment.

    Most begin a message; sequence numbers are anywhere near the last ones, or anywhere.
    """
    if random.random() < 0.8:
        data = len(data).to_bytes(2, "big") + data
    kind = SMALL_ANSWER if len(data) <= SMALL_ANSWER_BYTES else LARGE_ANSWER
    socket = random.randrange(3 * streams.MAX_STREAMS)
    who = random.randrange(50), socket, *process(random)
    seq = random.choice((0, random.randrange(2000), random.randrange(1 << 32)))
    next_seq = random.choice((seq, 0, 500, random.randrange(1 << 32)))
    length = random.choice((len(data), len(data), random.randrange(1 << 17)))
    record = kind.layout.pack(*times(random), *who, seq, next_seq, length, 1, data)
    return kind.length, record


def split(random: Random, data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the records of the segments of a stream, some of them twice."""
    stream = len(data).to_bytes(2, "big") + data
    socket = random.randrange(3 * streams.MAX_STREAMS)
    who = random.randrange(50), socket, *process(random)
    ends = sorted({*random.choices(range(len(stream) + 1), k=3), len(stream)})
    parts = list(zip([0, *ends], ends, strict=False))
    parts += random.choices(parts, k=random.choice((0, 0, 2)))
    if random.randrange(4) == 0:
        random.shuffle(parts)
    first = random.choice((0, 1000, (1 << 32) - 9))
    for start, end in parts:
        part = stream[start:end][:LARGE_ANSWER_BYTES]
        kind = SMALL_ANSWER if len(part) <= SMALL_ANSWER_BYTES else LARGE_ANSWER
        place = (first + start) % (1 << 32), first, end - start
        yield kind.length, kind.layout.pack(*times(random), *who, *place, 1, part)


def libc(random: Random, data: bytes) -> tuple[int, bytes]:
    """Return the length and the bytes of a record of getaddrinfo."""
    found = random.choice((raw("10.1.2.3"), data[:3072], random.randbytes(64)))
    who = random.randrange(50), *process(random)
    name = random.choice((b"www.example", data[:256], random.randbytes(9)))
    head = (random.randrange(MS), 0, *who, random.randrange(193), 0, name)
    return LOOKUP.length, LOOKUP.layout.pack(*head, found)


def started(random: Random, _data: bytes) -> tuple[int, bytes]:
    """Return the length and the bytes of a record of a program that started."""
    who = random.randrange(MS), random.randrange(1 << 32)
    return STARTED.length, STARTED.layout.pack(*who)


def runs(random: Random) -> Iterator[Run]:
    """Yield records of all kinds, in runs of one length."""
    by_size: dict[int, list[bytes]] = {}
    for _ in range(BATCH):
        (kind,) = random.choices((udp, tcp, libc, started), (12, 6, 2, 1))
        made = [kind(random, answer(random))]
        if random.randrange(8) == 0:  # doubled
            made *= 2
        if random.randrange(8) == 0:
            made += split(random, random.choice((answer(random), *SEEDS)))
        for size, record in made:
            by_size.setdefault(size, []).append(record)
    for size, records in by_size.items():
        yield run(size, records)


def test_message(fuzz: Fuzz) -> None:
    """A message is malformed, or has a name that can be printed, and addresses."""

    def case(random: Random) -> None:
        message = answer(random)
        try:
            parsed = parse(message)
        except MalformedError:
            return
        assert len(parsed.targets) <= MAX_TARGETS
        for text, found in ((parsed.name, parsed.addresses), *parsed.targets.items()):
            assert text.isprintable()
            assert {len(address) for address in found} <= {16}

    fuzz(case)


def test_names(fuzz: Fuzz) -> None:
    """What is kept is bounded, and harmless."""

    def case(random: Random) -> None:
        names = Names(max_addresses=MAX_ADDRESSES)
        for each in runs(random):
            names.learn(each)
        assert (query(names, "10.1.2.3") or "").isprintable()
        assert len(pickle.dumps(names)) < MAX_BYTES
        assert 0 < names.unread < 3 * BATCH

    fuzz(case)


def test_names_for_days(fuzz: Fuzz) -> None:
    """However much comes, what is kept does not grow."""
    names = Names(max_addresses=MAX_ADDRESSES)
    cases = 0

    def case(random: Random) -> None:
        nonlocal cases
        cases += 1
        for each in runs(random):
            names.learn(each)
        names.started.clear()
        if cases % 500 == 0:
            assert len(pickle.dumps(names)) < MAX_BYTES

    fuzz(case)
