"""Names in more than the room that there is for them: a quarter of the usual."""

from __future__ import annotations

from typing import NamedTuple

from tcpconnect.arguments import MAX_NAMES
from tcpconnect.enrich.names import Names
from tests.support.records import lookup


class Shape(NamedTuple):
    """How much each lookup names, of how many addresses in all, and by what bytes.

    ``told`` addresses get names, which are more than are kept. Lookups are of a process
    each; all are in one cgroup and netns, or none.
    """

    addresses: int
    among: int
    told: int
    byte: bytes = b"x"
    together: bool = False


PART = 4
SHAPES = (
    Shape(64, 1 << 20, 20_000),  # many addresses
    Shape(64, 640, 20_000),  # names come again
    Shape(1, 16, 20_000, together=True),  # processes of an address
    Shape(1, 16, 10_000, b"\xff", together=True),  # escapes of an address
)


def fill(shape: Shape) -> None:
    """Learn more names of 255 bytes than are stored."""
    names = Names(max_addresses=MAX_NAMES // PART)
    for number in range(2, 2 + shape.told // shape.addresses):
        first = number * shape.addresses
        found = [(first + k) % shape.among for k in range(shape.addresses)]
        addresses = [f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in found]
        label = b"%d." % number
        name = label + shape.byte * (255 - len(label))
        place = 2 if shape.together else number
        who = {"pid": number, "cgroup": place, "netns": place}
        names.learn(lookup(name, *addresses, **who))
