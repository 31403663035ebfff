"""The summary at the end: what was attempted, what failed, and where."""

from __future__ import annotations

import time
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec

from tcpconnect.formats import STRUCTS
from tcpconnect.output import write_line
from tcpconnect.why import NO_FAILURES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from tcpconnect.formats import Reading
    from tcpconnect.parsing import CommandLine

    Failure = tuple[str, str | None]  # RESULT and WHY
    Place = tuple[str | None, int]  # an address and a port; 0: a name

MAX_PLACES = 1024
MAX_FAILURES = 64
MAX_VALUES = 8  # of an option, that are shown
WORST = 3
PRECISE_S = 10


class FailingPlaces:
    """Counts failures by destination, in bounded memory.

    When there are too many destinations, all counts are reduced (Misra and Gries): what
    is left of the frequent ones is then the least that they can be.
    """

    def __init__(self, room: int = MAX_PLACES) -> None:
        self._counts: dict[Place, int] = {}
        self._names: dict[Place, str] = {}
        self._room = room
        self._exact = True

    def add(self, place: Place, name: str | None, failures: int = 1) -> None:
        """Count failures, of a destination that has perhaps a name."""
        self._counts[place] = self._counts.get(place, 0) + failures
        if name:
            self._names[place] = name
        if len(self._counts) > self._room:
            self._reduce()

    def _reduce(self) -> None:
        least = min(self._counts.values())
        left = {place: n - least for place, n in self._counts.items() if n > least}
        self._counts, self._exact = left, False
        self._names = {p: name for p, name in self._names.items() if p in left}

    def worst(self) -> Iterator[str]:
        """Yield those that fail most, each with its count."""
        ranked = sorted(self._counts.items(), key=lambda item: (-item[1], str(item[0])))
        for place, failures in ranked[:WORST]:
            count = failures if self._exact else f"at least {failures}"
            yield f"{_place(place, self._names.get(place))} {count}"


class Failed(msgspec.Struct, frozen=True):
    """Members of an event that failed; a lookup has no destination."""

    result: str
    why: str | None
    daddr: str | None
    dport: int
    query: str | None


class Summary:
    """A stage that changes nothing: it counts what passes, and reports it at the end.

    ``filters`` are the options that exclude attempts. ``count``: flows pass.
    ``with_result``: it is known how attempts end.
    """

    ended = False

    def __init__(
        self,
        filters: str = "",
        *,
        count: bool = False,
        with_result: bool = True,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._filters = filters
        self._fold = self._fold_flows if count else self._fold_events
        self._read: Callable[[list[Any]], list[Any]] | None = None
        self._with_result = with_result or count
        self._now = now
        self._began: float | None = None
        self._attempts = self._ok = self._pending = self._lookups = self._failed = 0
        self._failures: Counter[Failure] = Counter()
        self._places = FailingPlaces()

    def __call__(self, events: list[Any]) -> list[Any]:
        """Count events; the first call, with or without any, is the beginning."""
        if self._began is None:
            self._began = self._now()
        self._fold(events)
        return events

    def maker(self, reading: Reading) -> Callable[..., list[Any]]:
        """Return a function that makes values for ``count`` of what is read so.

        They are the result, and of a failure where it was, too.
        """
        failure = ", ".join(map(reading.value, Failed.__struct_fields__))
        result = reading.value("result")
        expression = f"{result} if {result} in NO_FAILURES else ({failure})"
        return reading.compiled(expression, {"NO_FAILURES": NO_FAILURES})

    def count(self, values: list[Any]) -> None:
        """Count events."""
        for value, n in Counter(values).items():
            if value not in NO_FAILURES:
                self._count_failure(Failed(*value), n)
                continue
            self._attempts += n
            self._ok += n if value == "OK" else 0
            self._pending += n if value == "PENDING" else 0

    def _count_failure(self, failed: Failed, n: int) -> None:
        if failed.daddr is None:
            self._lookups += n
        else:
            self._attempts += n
            self._failed += n
        self._add_failure((failed.result, failed.why), n)
        self._add_place(failed, n)

    def _fold_events(self, events: list[Any]) -> None:
        if events:
            self._read = self._read or self.maker(STRUCTS)
            self.count(self._read(events))

    def _fold_flows(self, flows: list[Any]) -> None:
        for flow in flows:
            if flow.daddr is None:
                self._lookups += flow.failed
            else:
                self._attempts += flow.connects
                self._ok += flow.ok
                self._failed += flow.failed
                self._pending += flow.connects - flow.ok - flow.failed
            if flow.failed:
                self._add_place(flow, flow.failed)

    def _add_failure(self, failure: Failure, n: int) -> None:
        if len(self._failures) >= MAX_FAILURES and failure not in self._failures:
            failure = ("others", None)
        self._failures[failure] += n

    def _add_place(self, event: Any, failures: int) -> None:
        place = (event.daddr, event.dport) if event.daddr else (event.query, 0)
        self._places.add(place, event.query if event.daddr else None, failures)

    def report(self) -> None:
        """Write it to stderr."""
        for line in self.lines():
            write_line(line)

    def lines(self) -> Iterator[str]:
        """Yield its lines."""
        yield self._total()
        ranked = sorted(self._failures, key=lambda f: (f[0], -self._failures[f]))
        groups = [list(group) for _, group in groupby(ranked, lambda f: f[0])]
        groups.sort(key=lambda group: -sum(self._failures[f] for f in group))
        for group in groups:
            total = sum(self._failures[failure] for failure in group)
            whys = ", ".join(
                f"{why} {self._failures[r, why]}" for r, why in group if why
            )
            yield f"  {group[0][0]} {total}" + (f": {whys}" if whys else "")
        if worst := ", ".join(self._places.worst()):
            yield f"  most failures: {worst}"

    def _total(self) -> str:
        passed = self._now() - (self._now() if self._began is None else self._began)
        parts = [f"{_number(self._attempts, 'attempt')} in {_time(passed)}"]
        if not self._attempts and self._filters:
            parts[0] += " that matched"
        elif self._attempts and self._with_result:
            outcomes = {
                "OK": self._ok,
                "failed": self._failed,
                "pending": self._pending,
            }
            told = [f"{n} {what}" for what, n in outcomes.items() if n]
            parts[0] += f": {', '.join(told)}" if told else ""
        if self._lookups:
            parts.append(f"{_number(self._lookups, 'lookup')} failed")
        if not self._attempts:
            if self._filters:
                parts.append(f"filters: {self._filters}")
            elif not self._lookups:
                parts.append("no program began a TCP connection")
        return "; ".join(parts)


def _time(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.{0 if seconds >= PRECISE_S else 1}f} s"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _place(place: Place, name: str | None) -> str:
    address, port = place
    if not port:
        return str(address)
    text = f"[{address}]:{port}" if ":" in str(address) else f"{address}:{port}"
    return f"{text} ({name})" if name else text


def filters_of(line: CommandLine) -> str:
    """Return the options of a command line that exclude attempts."""
    if not line.changes:
        return _command_of(line)
    from tcpconnect.options import FILTERS  # they have been read, so they are there

    given = [
        " ".join([option.flags[0], *_values(line.changes[option.member])])
        if option.value
        else option.flags[0]
        for option in FILTERS
        if option.member in line.changes
        and (option.value or line.changes[option.member] == option.const)
    ]
    return " ".join([*given, _command_of(line)]).rstrip()


def _command_of(line: CommandLine) -> str:
    return f"-- {line.command[0]}" if line.command else ""


def _values(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, float | int):
        return [f"{value:g}"]
    texts = list(_ranges(value))
    if len(texts) > MAX_VALUES:
        texts[MAX_VALUES:] = ["…"]
    return [",".join(texts)]


def _ranges(values: Collection[Any]) -> Iterator[str]:
    """Yield values in their order; successive numbers are a range."""
    numbers = sorted(value for value in values if isinstance(value, int))
    for _, group in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        run = [number for _, number in group]
        yield f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0])
    yield from sorted(str(value) for value in values if not isinstance(value, int))
