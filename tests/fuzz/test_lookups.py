"""Lookups that fail: their words are ours, and what is kept is bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect import lookup_words
from tcpconnect.decode import show_failed
from tcpconnect.enrich import failures
from tcpconnect.enrich.dns import parse
from tcpconnect.enrich.failures import Failures
from tcpconnect.enrich.wire import MalformedError
from tests.support.decoding import decoded, run_of
from tests.support.material import is_harmless, mutated, text
from tests.support.records import (
    IPV4,
    asker,
    failure,
    message,
    question,
    questions,
)

if TYPE_CHECKING:
    from random import Random

    from tests.support.fuzzing import Fuzz

S = 1_000_000_000
START_NS = 7
NAMES = ("a", "a.test", "a.test.local", "b.test")
SEEDS = [message(name, IPV4) for name in NAMES]
WORDS = {
    *map(lookup_words.of_answer, range(16)),
    *map(lookup_words.of_code, range(-200, 1)),
    lookup_words.TIMEOUT,
}
STEPS = 200


def who(random: Random, now_ns: int) -> bytes:
    """Return the struct connection of one of three processes."""
    pid = random.randrange(3)
    waited_ns = random.choice((0, S, 11 * S))
    comm = text(random)[:16]
    return asker(now_ns, waited_ns, pid=pid, start_ns=START_NS, comm=comm)


def wire(random: Random) -> bytes:
    """Return a message, plausible or not: flags of an answer, and no records."""
    data = random.choice((random.choice(SEEDS), mutated(random, SEEDS)))
    if random.randrange(2):
        flags = b"\x81" + bytes((0x80 | random.randrange(16),))
        data = data[:2] + flags + data[4:6] + bytes(6) + data[12:]
    return data


def name(random: Random) -> bytes:
    """Return a name as given to a C library."""
    return random.choice((random.choice(NAMES).encode(), text(random), b""))[:256]


def step(random: Random, kept: Failures, now_ns: int) -> None:
    """Have something happen."""
    kind, data = random.randrange(4), wire(random)
    if kind == 0:
        size = random.choice((len(data), random.randrange(1 << 32)))
        asked = question(who(random, now_ns), data, name(random), size)
        kept.learn(questions(asked))
    elif kind == 1:
        code = random.choice((-2, -3, -5, random.randrange(-(1 << 31), 1 << 31)))
        kept.learn(failure(who(random, now_ns), code, name(random)))
    elif kind == 2:
        try:
            answer = parse(data)
        except MalformedError:
            return
        kept.answered((random.randrange(3), START_NS), data, answer, now_ns)
    else:
        kept.found((random.randrange(3), START_NS), random.choice(NAMES), now_ns)


def test_words(fuzz: Fuzz) -> None:
    """Each event has one of our words and a harmless name; at the end none is kept."""

    def case(random: Random) -> None:
        now_ns = 100 * S
        kept = Failures(lambda: now_ns)
        failed = []
        for _ in range(STEPS):
            now_ns += random.choice((0, S // 100, S, 6 * S))
            step(random, kept, now_ns)
            failed += kept.take(behind=random.randrange(4) == 0)
        failed += kept.take(last=True)
        events = decoded(run_of(*[each.record for each in failed]))
        show_failed(events, failed, with_why=False)
        for event in events:
            assert event.result in WORDS
            assert event.query
            assert is_harmless(event.query)
            assert (event.event, event.daddr, event.dport) == ("lookup", None, None)
        assert len(kept._lookups) + len(kept._asked) + len(kept._due) == 0  # noqa: SLF001

    fuzz(case)


def test_flood(fuzz: Fuzz) -> None:
    """However many names are asked for, so many are kept, and the others counted."""
    now_ns = 100 * S
    kept = Failures(lambda: now_ns)
    asked = asker(now_ns, pid=1, start_ns=START_NS)
    sent = message("0000000.test", IPV4)
    records = [
        question(asked, sent.replace(b"0000000", b"%07d" % number))
        for number in range(2 * failures.MAX_LOOKUPS)
    ]
    flood = questions(*records)

    def case(_random: Random) -> None:
        kept.learn(flood)
        assert len(kept._lookups) <= failures.MAX_LOOKUPS  # noqa: SLF001
        assert len(kept._due) <= failures.MAX_DUE  # noqa: SLF001
        assert kept.ignored

    fuzz(case)
