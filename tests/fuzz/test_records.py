"""Records of the ring: read in order, decoded, and harmless in every output."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING

from tcpconnect.bpf.ring import HEADER_BYTES, Run
from tcpconnect.connection import CONNECTION as CONNECTION_TABLE
from tcpconnect.enrich.calls import Calls
from tcpconnect.enrich.names import Names
from tcpconnect.enrich.place import Places
from tcpconnect.enrich.process import Processes
from tcpconnect.enrich.reasons import Reasons
from tcpconnect.formats import open_format
from tcpconnect.kernel.records import (
    ATTEMPT,
    CALL,
    CONNECTION,
    EVIDENCE,
    KINDS,
    LARGE_ANSWER,
    LARGE_PROCESS,
    LOOKUP,
    ORIGIN,
    SMALL_ANSWER,
    SMALL_PROCESS,
)
from tcpconnect.settings import Settings
from tcpconnect.why import DROPPED, WORDS
from tests.support.decoding import decoded, run_of
from tests.support.material import is_harmless, text
from tests.support.producer import opened, stride
from tests.support.samples import CONNECTION_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from random import Random

    from tcpconnect.connection import Connection
    from tests.support.fuzzing import Fuzz
    from tests.support.producer import Producer, Reserved

RING_BYTES = 1 << 18
IMAGES, ADDRESSES = 20, 10
COLOR = re.compile(r"\x1b\[(?:0|1|31|33)m")  # what the table itself puts in


def records_of(runs: list[Run]) -> list[bytes]:
    """Return the records of runs."""
    return [
        run.framed[at + HEADER_BYTES :][: run.length]
        for run in runs
        for at in range(0, len(run.framed), stride(run.length))
    ]


def fill(random: Random, producer: Producer) -> tuple[list[bytes], list[Reserved]]:
    """Write records while there is room, and reserve some that come later."""
    written, busy = [], []
    lengths = random.choices((0, 1, 8, 16, 160, 744, 4096), k=random.randint(1, 4))
    for _ in range(random.choice((1, 10, 100, 3000))):
        record = random.randbytes(random.choice(lengths))
        if producer.free < stride(len(record)):
            break
        if random.random() < 0.01:
            busy.append(producer.reserve(record))
        else:
            producer.write(record)
        written.append(record)
    return written, busy


def test_why(fuzz: Fuzz) -> None:
    """Nothing of a record gets into the word but what the kernel names."""
    drops = {3: "NO_SOCKET", 7: "NETFILTER_DROP"}
    words = {word for word, _ in WORDS if word != DROPPED} | {None}

    def case(random: Random) -> None:
        count = random.randint(1, 20)
        evidence = [
            EVIDENCE.pack(
                random.randbytes(16),
                random.choice((0, 3, 7, random.randrange(1 << 32))),
                random.randrange(1 << 32),
                random.randrange(256),
            )
            for _ in range(count)
        ]
        attempts = [connection(random) for _ in range(count)]
        shown = [EVIDENCE.unpack(each) for each in evidence]
        enrichers = (Calls(), Reasons(drops))
        ended = zip(attempts, evidence, strict=True)
        events = decoded(run_of(*map(b"".join, ended)), *enrichers)
        assert [event.syns for event in events] == [syns for _, _, syns, _ in shown]
        for event, (_, drop, *_) in zip(events, shown, strict=True):
            dropped = f"{DROPPED}: {drops.get(drop, str(drop))}"
            assert event.why in words or event.why == dropped
        others = decoded(run_of(*attempts), *enrichers)
        assert {event.why for event in others} <= words
        assert all(is_harmless(f"{e.why}{e.why_from}") for e in events + others)

    fuzz(case)


def test_ring(fuzz: Fuzz) -> None:
    """Records come whole, once, and in order; none overtakes one that is busy."""

    def case(random: Random) -> None:
        size = random.choice((4096, 8192, RING_BYTES))
        with opened(size, 8 * random.randrange(size)) as (producer, ring):
            for _ in range(random.randint(1, 4)):
                written, busy = fill(random, producer)
                found: list[bytes] = []
                while len(found) < len(written):
                    fresh = records_of(ring.read())
                    found += fresh
                    assert found == written[: len(found)]
                    assert fresh or busy
                    if not fresh:
                        producer.mark(busy.pop(0))
                assert not ring.waiting

    fuzz(case)


def connection(random: Random) -> bytes:
    """Return an attempt of which nothing is as it should be, but for who it is."""
    data = random.randbytes(ATTEMPT.size)
    if random.random() < 0.8:  # a time of this century, and a name
        time_ns = random.randrange(1 << 60).to_bytes(8, "little")
        comm = text(random, 16).ljust(16, b"\0")
        data = time_ns + data[8:40] + address(random) + data[56:-16] + comm
    data += ORIGIN.pack(random.randrange(IMAGES), *random.choices(range(99), k=5))
    return data + random.randbytes(CALL.size)


def address(random: Random) -> bytes:
    """Return an address of few."""
    return bytes(10) + b"\xff\xff\x0a\0\0" + bytes((random.randrange(ADDRESSES),))


def process(random: Random) -> bytes:
    """Return an image whose lengths may be wrong."""
    layout = random.choice((SMALL_PROCESS, LARGE_PROCESS)).layout
    most = layout.size - 24
    parts = [
        b"".join(text(random) + b"\0" for _ in range(random.randrange(6)))
        for _ in range(4)
    ]
    lengths = [len(part) for part in parts]
    if random.random() < 0.3:
        lengths[random.randrange(4)] = random.randrange(1 << 16)
    flags = random.choice((0, random.randrange(64), random.randrange(1 << 32)))
    data = b"".join(parts)[:most]
    return layout.pack(random.randrange(IMAGES), flags, *lengths, data)


def answer(random: Random) -> bytes:
    """Return a DNS answer about one of the addresses, under a name of any bytes."""
    labels = [text(random, 63) or b"?" for _ in range(random.randint(1, 3))]
    name = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
    data = bytes(2) + b"\x81\x80\0\1\0\1\0\0\0\0" + name + b"\0\1\0\1"
    data += b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + address(random)[12:]
    layout = random.choice((SMALL_ANSWER, LARGE_ANSWER)).layout
    asked_ns = random.randrange(1 << 40)
    who = (0, 0, random.randrange(99), 0, random.randrange(99))
    return layout.pack(0, asked_ns, *who, 0, 0, len(data), 0, data)


def lookup(random: Random) -> bytes:
    """Return a call of getaddrinfo with any name."""
    who = (0, random.randrange(99), 0, random.randrange(99))
    head = (0, 0, *who, random.randrange(193), 0)
    return LOOKUP.layout.pack(*head, text(random, 255), address(random))


def anything(random: Random) -> bytes:
    """Return a record of any kind, full of noise."""
    kinds = (CONNECTION, *Processes.kinds, *Names.kinds)
    return random.randbytes(random.choice(kinds).length)


SENT = Settings(columns=CONNECTION_TABLE).process_details
MIX: dict[Callable[[Random], bytes], int] = {
    connection: 20,
    process: 4,
    answer: 4,
    lookup: 4,
    anything: 1,
}


class Decoder:
    """From runs to connections, with all that is added to them."""

    def __init__(self, root: Path) -> None:
        self._names, self._calls = Names(), Calls()
        self._processes = Processes(SENT, Places(str(root)), max_bytes=10_000)

    def take(self, run: Run) -> list[Connection]:
        """Learn from a run, or return its connections."""
        kind = KINDS[run.length]
        if kind in Processes.kinds:
            self._processes.learn(run)
        elif kind in Names.kinds:
            self._names.learn(run)
        else:
            return decoded(run, self._calls, self._processes, self._names)
        return []


def batch(random: Random, decoder: Decoder) -> list[Connection]:
    """Return the connections of some records, as they come out of a ring."""
    found: list[Connection] = []
    with opened(RING_BYTES) as (producer, ring):
        for _ in range(random.choice((1, 10, 50))):
            (kind,) = random.choices([*MIX], [*MIX.values()])
            record = kind(random)
            if producer.free >= stride(len(record)):
                producer.write(record)
        while runs := ring.read():
            for run in runs:
                found += decoder.take(run)
    return found


def shown(output: str, connections: list[Connection]) -> list[str]:
    """Return the rows of an output, of which each can be printed."""
    sink = open_format(output, CONNECTION_COLUMNS)
    end = "\r\n" if output == "csv" else "\n"
    *lines, rest = (sink.header() + sink.rows(connections)).decode().split(end)
    assert rest == ""
    assert [line for line in lines if not is_harmless(line)] == []
    return lines


def test_outputs(fuzz: Fuzz, tmp_path: Path) -> None:
    """A connection is one row; nothing in it reaches a terminal; JSON and CSV parse."""
    names = [column.name for column in CONNECTION_COLUMNS]

    def case(random: Random) -> None:
        connections = batch(random, Decoder(tmp_path))
        lines = shown("table", connections)
        assert len(lines) == 1 + len(connections)
        sink = open_format("table", CONNECTION_COLUMNS, colored=True)
        colored = (sink.header() + sink.rows(connections)).decode()
        assert COLOR.sub("", colored).split("\n") == [*lines, ""]
        objects = [json.loads(line) for line in shown("json", connections)]
        assert [list(each) for each in objects] == [names] * len(connections)
        text = "\r\n".join(shown("csv", connections))
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        assert [len(row) for row in rows] == [len(names)] * (1 + len(connections))

    fuzz(case)
