"""Answers mutated by the thousand: no crash, no memory without bound.

TCPCONNECT_FUZZ says how many; TCPCONNECT_FUZZ_SEED begins another sequence of them.
"""

from __future__ import annotations

import os
import pickle
from itertools import islice
from random import Random
from typing import TYPE_CHECKING

import dns.message
import dns.rrset

from tcpconnect.enrich import streams
from tcpconnect.enrich.names import LARGE_ANSWER, LOOKUP, SMALL_ANSWER, Names
from unit.records import MS, query, raw, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcpconnect.bpf.ring import Run

COUNT = int(os.environ.get("TCPCONNECT_FUZZ", "50000"))
SEED = int(os.environ.get("TCPCONNECT_FUZZ_SEED", "53"))
BATCH = 500
MAX_ADDRESSES = 500
MAX_BYTES = 20_000_000  # of all that is kept: names, and streams under way
INTERESTING = (0, 1, 12, 0x3F, 0x40, 0x7F, 0x80, 0xC0, 0xFF)


def seed(name: str, kind: str, *sets: tuple[str, str, list[str]]) -> bytes:
    """Return an answer as real servers give it."""
    asked = dns.message.make_query(name, kind, use_edns=0, payload=4096)
    response = dns.message.make_response(asked)
    for owner, type_, values in sets:
        response.answer.append(dns.rrset.from_text_list(owner, 60, "IN", type_, values))
    return response.to_wire()


ALIASES = (
    ("www.example.", "CNAME", ["a.cdn.example."]),
    (
        "a.cdn.example.",
        "CNAME",
        ["b.edge.example.net."],
    ),
)
MANY = [f"10.9.{i}.1" for i in range(60)]
SEEDS = [
    seed("www.example", "A", ("www.example.", "A", ["10.1.2.3", "10.1.2.4"])),
    seed("www.example", "AAAA", ("www.example.", "AAAA", ["fd00::1"])),
    seed("www.example", "A", *ALIASES, ("b.edge.example.net.", "A", ["10.1.2.3"])),
    seed("many.example", "A", ("many.example.", "A", MANY)),
    seed("x.example", "TXT", ("x.example.", "TXT", ['"text"', '"more"'])),
    seed("x.example", "MX", ("x.example.", "MX", ["10 mail.x.example."])),
    seed("none.example", "A"),
]


def change(random: Random, data: bytearray) -> bytes:
    """Set some bytes to anything."""
    for _ in range(random.randint(1, 8)):
        data[random.randrange(len(data))] = random.randrange(256)
    return bytes(data)


def change_telling(random: Random, data: bytearray) -> bytes:
    """Set bytes of the header or behind it to what means something."""
    for _ in range(random.randint(1, 4)):
        at = random.randrange(min(len(data), random.choice((12, 60, len(data)))))
        data[at] = random.choice(INTERESTING)
    return bytes(data)


def change_addresses(random: Random, data: bytearray) -> bytes:
    """Keep the message; its last record, and so perhaps its address, is another."""
    for i in range(len(data) - 15, len(data) - 11):  # OPT is behind it
        data[max(i, 0)] = random.randrange(256)
    return bytes(data)


def cut(random: Random, data: bytearray) -> bytes:
    """Take bytes away at the end."""
    return bytes(data[: random.randrange(len(data))])


def remove(random: Random, data: bytearray) -> bytes:
    """Take bytes out."""
    at = random.randrange(len(data))
    del data[at : at + random.randint(1, 20)]
    return bytes(data)


def repeat(random: Random, data: bytearray) -> bytes:
    """Put bytes in twice, or many times."""
    at, size = random.randrange(len(data)), random.randint(1, 40)
    data[at:at] = data[at : at + size] * random.choice((1, 1, 1, 50))
    return bytes(data)


MUTATIONS = (change, change_telling, change_addresses, cut, remove, repeat)


def mutated(random: Random) -> Iterator[bytes]:
    """Yield answers that differ from the seeds, by one mutation or several."""
    while True:
        data = random.choice(SEEDS)
        for _ in range(random.choice((1, 1, 2, 4))):
            data = random.choice(MUTATIONS)(random, bytearray(data or b"?"))
        yield data[:65535]


def udp(random: Random, data: bytes) -> tuple[int, bytes]:
    """Return the length and the bytes of a record of an answer over UDP."""
    layout = SMALL_ANSWER if len(data) <= 512 else LARGE_ANSWER
    who = random.randrange(50), 0, random.randrange(50)
    length = random.choice((len(data), len(data), random.randrange(1 << 32)))
    record = layout.pack(random.randrange(MS), 0, *who, 0, 0, length, 0, data)
    return layout.size, record


def tcp(random: Random, data: bytes) -> tuple[int, bytes]:
    """Return the length and the bytes of a record of a segment.

    Most begin a message; sequence numbers are anywhere near the last ones, or anywhere.
    """
    if random.random() < 0.8:
        data = len(data).to_bytes(2, "big") + data
    layout = SMALL_ANSWER if len(data) <= 512 else LARGE_ANSWER
    who = random.randrange(50), random.randrange(3 * streams.MAX_STREAMS), 1
    seq = random.choice((0, random.randrange(2000), random.randrange(1 << 32)))
    next_seq = random.choice((seq, 0, 500, random.randrange(1 << 32)))
    length = random.choice((len(data), len(data), random.randrange(1 << 17)))
    record = layout.pack(random.randrange(MS), 0, *who, seq, next_seq, length, 1, data)
    return layout.size, record


def libc(random: Random, data: bytes) -> tuple[int, bytes]:
    """Return the length and the bytes of a record of getaddrinfo."""
    found = random.choice((raw("10.1.2.3"), data[:3072], random.randbytes(64)))
    who = random.randrange(50), random.randrange(1 << 22), random.randrange(50)
    name = random.choice((b"www.example", data[:256], random.randbytes(9)))
    head = (random.randrange(MS), 0, *who, random.randrange(193), 0, name)
    return LOOKUP.size, LOOKUP.pack(*head, found)


def runs(random: Random, messages: list[bytes]) -> Iterator[Run]:
    """Yield records of all kinds, in runs of one length."""
    by_size: dict[int, list[bytes]] = {}
    for data in messages:
        (kind,) = random.choices((udp, tcp, libc), (6, 3, 1))
        size, record = kind(random, data)
        by_size.setdefault(size, []).append(record)
    for size, records in by_size.items():
        yield run(size, records)


def test_mutated_answers() -> None:
    """Whatever comes is learned or counted; what is kept is bounded, and harmless."""
    random = Random(SEED)  # noqa: S311 (the same ones each time)
    names = Names(max_addresses=MAX_ADDRESSES)
    messages = mutated(random)
    for _ in range(0, COUNT, BATCH):
        for each in runs(random, list(islice(messages, BATCH))):
            names.learn(each)
        assert (query(names, "10.1.2.3") or "").isprintable()
    assert len(pickle.dumps(names)) < MAX_BYTES
    assert 0 < names.unread < COUNT
