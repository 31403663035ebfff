"""What is new: pairs that a program, learnt for long enough, never had before.

All times are of the observed clock: the seconds in which the recorder was watching. So
gaps teach nothing, make nothing forgotten, and a clock that is set changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from tcpconnect.alerts.shapes import wider

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from tcpconnect.alerts.alert import Pair

Key = TypeVar("Key")

HOUR_S, DAY_S = 3_600, 86_400
LEARN_S = DAY_S
FORGET_S = 90 * DAY_S
SWEEP_S = HOUR_S  # between looks for what is to be forgotten
REFRESH_S = HOUR_S  # as exactly is known when a pair was seen last
MAX_PAIRS = 32_768
MAX_OF_PROGRAM = 4_096
MAX_PROGRAMS = 4_096
MAX_ADDRESSES = 256  # of the names of a program
ADDRESS = "="  # before an address that a name had; shapes of names have no digits


class Learnt(msgspec.Struct):
    """A program: when it was seen first and last, and how many pairs it has.

    Some of these are ``addresses`` that a name had.
    """

    since: int
    seen: int
    pairs: int = 0
    addresses: int = 0

    def count(self, pair: Pair, by: int) -> None:
        """Count a pair more, or one less."""
        self.pairs += by
        if pair.destination.startswith(ADDRESS):
            self.addresses += by


class Learning:
    """The pairs that are known.

    ``changed_pairs`` and ``changed_programs`` are what differs from what was kept last;
    ``evicted`` counts the pairs that were let go before their time, for lack of room,
    and ``unwatched`` new pairs of programs that have too many.
    """

    def __init__(self, learn_s: float = LEARN_S) -> None:
        self._learn_s = learn_s
        self.programs: dict[str, Learnt] = {}
        self.pairs: dict[Pair, int] = {}  # when they were seen last
        self.changed_programs: set[str] = set()
        self.changed_pairs: set[Pair] = set()
        self.evicted = self.unwatched = 0
        self._swept = 0

    def load(self, programs: dict[str, Learnt], pairs: dict[Pair, int]) -> None:
        """Begin with what was kept."""
        self.programs, self.pairs = programs, pairs
        for pair, seen in pairs.items():
            self.programs.setdefault(pair.program, Learnt(0, seen)).count(pair, 1)

    def see(
        self, pair: Pair, now: int, address: str = "", *, named: bool = True
    ) -> bool:
        """Learn a pair; return whether it is to be reported as new.

        The ``address`` of what is ``named`` is learnt, too: after a restart nobody
        knows the name that a program has found before.
        """
        is_new = self._see(pair, now)
        if not address:
            return is_new
        alias = pair._replace(destination=f"{ADDRESS}{address}")
        seen = self.pairs.get(alias)
        if seen is not None and now - seen >= REFRESH_S:
            self._put(alias, now)
        room = MAX_ADDRESSES - self.programs[pair.program].addresses
        if seen is None and named and room > 0:
            self._put(alias, now)
        return is_new and (named or seen is None)

    def _see(self, pair: Pair, now: int) -> bool:
        if pair not in self.pairs and (wide := wider(pair)) in self.pairs:
            pair = wide
        seen = self.pairs.get(pair)
        if seen is not None:
            if now - seen >= REFRESH_S:
                self._put(pair, now)
            return False
        program = self.programs.get(pair.program)
        if program is None:
            program = self._learn(pair.program, now)
        if program.pairs >= MAX_OF_PROGRAM:
            self.unwatched += 1
            return False
        self._put(pair, now)
        return now - program.since >= self._learn_s

    def accept(self, pairs: Iterable[Pair], now: int, *, learnt: bool) -> None:
        """Know these pairs from now on; ``learnt``: their programs are learnt, too."""
        for pair in pairs:
            program = self.programs.get(pair.program) or self._learn(pair.program, now)
            if learnt:
                program.since = min(program.since, int(now - self._learn_s))
                self.changed_programs.add(pair.program)
            if pair in self.pairs or program.pairs < MAX_OF_PROGRAM:
                self._put(pair, now)

    def keep_only(self, pairs: Collection[Pair], programs: Collection[str]) -> None:
        """Have only these, and what is not kept yet: somebody has deleted the rest."""
        for pair in self.pairs.keys() - self.changed_pairs:
            if pair not in pairs:
                self._drop(pair)
        for name in self.programs.keys() - self.changed_programs:
            if name not in programs and not self.programs[name].pairs:
                self._drop_program(name)

    def sweep(self, now: int) -> None:
        """Forget what was not seen for long; it looks once an hour."""
        if now - self._swept < SWEEP_S:
            return
        self._swept = now
        for pair in [p for p, seen in self.pairs.items() if now - seen > FORGET_S]:
            self._drop(pair)
        # A program without pairs has had none for as long.
        for name in [n for n, program in self.programs.items() if not program.pairs]:
            self._drop_program(name)

    def _learn(self, name: str, now: int) -> Learnt:
        if len(self.programs) >= MAX_PROGRAMS:
            self._evict_programs(now)
        program = self.programs[name] = Learnt(now, now)
        self.changed_programs.add(name)
        return program

    def _put(self, pair: Pair, now: int) -> None:
        program = self.programs[pair.program]
        if pair not in self.pairs:
            if len(self.pairs) >= MAX_PAIRS:
                self._evict_pairs(pair.program, now)
            program.count(pair, 1)
        self.pairs[pair] = now
        self.changed_pairs.add(pair)
        if now - program.seen >= REFRESH_S:
            program.seen = now
            self.changed_programs.add(pair.program)

    def _drop(self, pair: Pair) -> None:
        del self.pairs[pair]
        self.programs[pair.program].count(pair, -1)
        self.changed_pairs.add(pair)

    def _drop_program(self, name: str) -> None:
        del self.programs[name]
        self.changed_programs.add(name)

    def _is_learnt(self, name: str, now: int) -> bool:
        return now - self.programs[name].since >= self._learn_s

    def _evict_pairs(self, wanted: str, now: int) -> None:
        """Let go a sixteenth: what was not seen for longest.

        Of programs that are still learnt before others: whoever starts one under
        thousands of names makes none forgotten that is known.
        """
        learnt = {name: self._is_learnt(name, now) for name in self.programs}
        oldest = _oldest(self.pairs, lambda p: (learnt[p.program], self.pairs[p]))
        for pair in oldest:
            self._drop(pair)
            program = self.programs[pair.program]
            if not program.pairs and pair.program != wanted:
                self._drop_program(pair.program)
        self.evicted += len(oldest)

    def _evict_programs(self, now: int) -> None:
        """Let go a sixteenth, chosen in the same way, with all pairs."""
        programs = self.programs
        oldest = set(
            _oldest(programs, lambda n: (self._is_learnt(n, now), programs[n].seen))
        )
        for pair in [pair for pair in self.pairs if pair.program in oldest]:
            self._drop(pair)
            self.evicted += 1
        for name in oldest:
            self._drop_program(name)


def _oldest(of: Collection[Key], seen: Callable[[Key], tuple[bool, int]]) -> list[Key]:
    return sorted(of, key=seen)[: len(of) // 16 + 1]
