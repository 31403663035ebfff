"""What random data is made of: mutations of good data, and texts with bad in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

INTERESTING = (0, 1, 12, 0x3F, 0x40, 0x7F, 0x80, 0xC0, 0xFF)

# What terminals act on, what formats give a meaning to, and what is no UTF-8.
HOSTILE = (
    *(b"\x1b[2J", b"\x1b]0;x\x07", b"\x9b", b"\xc2\x9b", b"\r", b"\n", b"\t", b"\x7f"),
    *(b'"', b"'", b",", b"\\", b"\\x2d", b"\\x00", b"%s", b"{}", b" ", b"None", b"-"),
    *("\u202e".encode(), "\u2028".encode(), "\u200b".encode(), "\ufeff".encode()),
    *(b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x80", "\U000e0041".encode()),
    *("\u3164".encode(), "\ufe0f".encode(), "\u034f".encode(), "\u0301".encode()),
    *("\u200c".encode(), "\u0645\u200d\u0645".encode()),
)


def change(random: Random, data: bytearray) -> bytes:
    """Set some bytes to anything."""
    for _ in range(random.randint(1, 8)):
        data[random.randrange(len(data))] = random.randrange(256)
    return bytes(data)


def change_telling(random: Random, data: bytearray) -> bytes:
    """Set bytes of the beginning or behind it to what means something."""
    for _ in range(random.randint(1, 4)):
        at = random.randrange(min(len(data), random.choice((12, 60, len(data)))))
        data[at] = random.choice(INTERESTING)
    return bytes(data)


def put_in(random: Random, data: bytearray) -> bytes:
    """Put something hostile in."""
    at = random.randrange(len(data) + 1)
    data[at:at] = random.choice(HOSTILE)
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


Mutation = Callable[[Random, bytearray], bytes]
MUTATIONS = (change, change_telling, put_in, cut, remove, repeat)


def mutated(
    random: Random,
    seeds: Sequence[bytes],
    mutations: Sequence[Mutation] = MUTATIONS,
) -> bytes:
    """Return one of the seeds, changed by one mutation or several."""
    data = random.choice(seeds)
    for _ in range(random.choice((1, 1, 2, 4))):
        data = random.choice(mutations)(random, bytearray(data or b"?"))
    return data


def text(random: Random, most: int = 40) -> bytes:
    """Return some bytes that others may have chosen as a name."""
    kind = random.randrange(4)
    if kind == 0:
        return random.randbytes(random.randrange(most))
    words = HOSTILE if kind == 1 else (*HOSTILE, b"a", b"bc", b"web", "é漢".encode())
    chosen = random.choices(words, k=random.randrange(most // 3 + 1))
    return b"".join(chosen)[:most]


def is_harmless(line: str) -> bool:
    """Whether all of a line can be seen, but joiners, which some scripts need."""
    return line.replace("\u200c", "").replace("\u200d", "").isprintable()
