"""Spread: folds the destinations of a program that reaches too many in a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.history.rows import Program
from tcpconnect.history.schema import DAY

if TYPE_CHECKING:
    from collections.abc import Iterable

    Destination = tuple[str, int]  # with its port

MOST = 4096  # destinations of a program in a day, and networks of it
MOST_OF_ALL = 8 * MOST  # those of all programs
EVERYWHERE: Destination = ("*", 0)
OTHERS = Program("*")  # all programs of a day but the first ones


class _Reached:
    """What a program has reached today: hashes, which take less memory than names."""

    def __init__(self) -> None:
        self.places: set[int] = set()
        self.networks: set[int] = set()


class Spread:
    """Decides which destination an attempt counts for.

    The first ones of a day are themselves; the next are their networks (/24, /48), and
    what is left is ``*``. ``known`` are those that a history has of today.
    """

    def __init__(
        self, day: int = 0, known: Iterable[tuple[Program, Destination]] = ()
    ) -> None:
        self._day = day
        self._reached: dict[Program, _Reached] = {}
        self._all = 0
        for program, destination in known:
            self.of(self.program(program), *destination, "")

    def begin(self, now: int) -> None:
        """Forget what was reached, where a day has begun."""
        if now // DAY != self._day:
            self._day, self._all = now // DAY, 0
            self._reached = {}

    def program(self, program: Program) -> Program:
        """Return the program, or what it is folded into."""
        if program in self._reached:
            return program
        if len(self._reached) >= MOST:
            program = OTHERS
        self._reached.setdefault(program, _Reached())
        return program

    def of(
        self, program: Program, destination: str, dport: int, address: str
    ) -> Destination:
        """Return the destination of a program of ours, or what it is folded into."""
        reached = self._reached[program]
        place = destination, dport
        if self._takes(reached.places, place):
            return place
        network = network_of(address), dport
        if network[0] and self._takes(reached.networks, network):
            return network
        return EVERYWHERE

    def _takes(self, known: set[int], place: Destination) -> bool:
        number = hash(place)
        if number in known:
            return True
        if len(known) >= MOST or self._all >= MOST_OF_ALL:
            return False
        self._all += 1
        known.add(number)
        return True


def network_of(address: str) -> str:
    """Return the network of an address, /24 or /48; "" if it is none."""
    if ":" not in address:
        network, dot, _ = address.rpartition(".")
        return f"{network}.0/24" if dot else ""
    groups = [group or "0" for group in address.split("::", maxsplit=1)[0].split(":")]
    groups = [*groups, "0", "0"][:3]
    while groups[-1:] == ["0"]:
        groups.pop()
    return f"{':'.join(groups)}::/48"
