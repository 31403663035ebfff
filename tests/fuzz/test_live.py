"""What a hostile tracer sends to the screen: shown harmless, or refused."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from tcpconnect.formats.fitting import cells as width
from tcpconnect.live.board import Board
from tcpconnect.live.model import Model
from tcpconnect.live.same import Source
from tcpconnect.live.state import State
from tcpconnect.live.stream import HEAD, Reader, StreamError
from tests.support.folding import NOW
from tests.support.material import is_harmless, text

if TYPE_CHECKING:
    from random import Random

    from tests.support.fuzzing import Fuzz

KEYS = ("tab", "enter", "escape", "j", "k", "/", "f", "s", "S", "r", "p", "y", "?", "+")
SIZES = ((80, 24), (200, 50), (1, 1), (20, 3))


def word(random: Random) -> str:
    """Return a hostile text."""
    return text(random).decode(errors="replace")


def number(random: Random) -> Any:
    """Return a number that most often is one that may come."""
    if random.random() < 0.05:
        return random.choice((-1, 1 << 63, 1e300, float("nan"), None, "1"))
    return random.choice((0, 1, 443, 65535, random.randrange(1 << 16)))


def moment(random: Random) -> float:
    """Return a time, most often one near now."""
    return NOW + random.choice((0, 0.5, 1, 59, 61, -NOW, 1e9))


def attempt(random: Random) -> list[Any]:
    """Return an attempt as it is sent."""
    program = [word(random), random.choice(("pod", "comm", "x")), word(random)]
    place = [word(random), word(random), number(random)]
    ended = [word(random), random.random() < 0.5, random.choice((None, 0.5, 1e12))]
    return [moment(random), program, number(random), *place, *ended]


def row(random: Random) -> list[Any]:
    """Return a row as it is sent."""
    _, program, _, *place, _, _, _ = attempt(random)
    counts = [number(random), number(random), 0.5, number(random), 1.5, moment(random)]
    outcomes = {word(random): number(random) for _ in range(2)}
    return [program, *place, *counts, outcomes, [attempt(random)]]


def message(random: Random) -> list[Any]:
    """Return a message as it is sent."""
    kind = random.choice(("begin", "tick", "tick", "tick", "end"))
    if kind == "begin":
        return [kind, word(random), word(random), random.random() < 0.5]
    if kind == "end":
        return [kind]
    rows = [row(random) for _ in range(random.choice((0, 1, 30)))]
    seconds = [[int(moment(random)), number(random), number(random)]]
    times = [moment(random), moment(random)]
    failures = [attempt(random)]
    return [kind, *times, number(random), number(random), rows, seconds, failures]


def framed(random: Random) -> bytes:
    """Return a message with its length before it; a few bits of some are wrong."""
    data = bytearray(msgspec.msgpack.encode(message(random)))
    if random.random() < 0.2:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return len(data).to_bytes(HEAD, "little") + bytes(data)


def test_messages(fuzz: Fuzz) -> None:
    """Lines are as wide as the screen, and nothing in them is a control."""

    def case(random: Random) -> None:
        board, reader = Board(State(Model(1)), Source(command=[word(random)])), Reader()
        cells, lines = random.choice(SIZES)
        board.resize(cells, lines)
        with suppress(StreamError):
            for _ in range(5):
                for one in reader.messages(framed(random)):
                    board.take(one)
                key = random.choice(KEYS)
                board.press(key, key if len(key) == 1 else None)
                for y in range(lines):
                    shown = "".join(part for part, _ in board.line(y))
                    assert is_harmless(shown)
                    assert width(shown) == cells

    fuzz(case)
