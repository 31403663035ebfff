"""One mode measured once, and all of them in interleaved rounds."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from bench.generator import NETWORK, PORTS, Generator, Order, total
from bench.modes import mismatch
from bench.programs import programs_of, statistics
from bench.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.generator import Made
    from bench.modes import Mode


SLICES = 20
MEMORY = "/dev/shm"  # noqa: S108 (a folder of our own in it): no disk to wait for


class Plan(NamedTuple):
    """The loads. ``mixed``: half refused, half not; ``top``: refused only, the fastest.

    ``paced`` are at fixed rates, two seconds each; ``timed`` is one of the slices that
    are made while the kernel takes the time of BPF programs: of refused connects, since
    for one that succeeds they run for the accepting socket, too, which is on this
    machine here; by one worker, since with all cores busy they also wait for each
    other.
    """

    mixed: Order
    top: Order
    paced: tuple[Order, ...]
    timed: Order


def plan(connects: int, rates: Sequence[float], seconds: float) -> Plan:
    """Return the loads for this many connects, each of at most ``seconds``."""
    mixed = Order(connects, seconds=seconds)
    return Plan(
        mixed,
        top=mixed._replace(share_ok=0),
        paced=tuple(mixed._replace(connects=round(r * 2), rate=r) for r in rates),
        timed=Order(max(connects // 4 // SLICES, 1), share_ok=0, seconds=seconds),
    )


class PerConnect(NamedTuple):
    """Runs of BPF programs for one connect, and the nanoseconds in them.

    ``empty_ns`` is what as many runs of a program that does nothing are said to take.
    """

    runs: float
    time_ns: float
    empty_ns: float


class Load(NamedTuple):
    """What the connecting side saw, with the tool or without it.

    ``wall_us`` and ``cpu_us``: microseconds a connect of ``mixed``, of time (with all
    workers at it) and of the workers' CPU; ``top_rate``: connects a second of ``top``.
    """

    wall_us: float
    cpu_us: float
    top_rate: float


class Cost(NamedTuple):
    """What the tool cost.

    Microseconds of its CPU a connect made: ``user_us`` and ``system_us`` of ``mixed``,
    ``paced_us`` (both together) of each in ``paced``. ``programs``: its BPF programs,
    in ``timed``. ``resident_mb`` and ``peak_mb``: memory in 10^6 bytes. Milliseconds
    from exec until it was ready and until the first line was in the file (None where
    there is none). ``lost`` attempts, as it says; ``wrong``: in what its output differs
    from what was made.
    """

    user_us: float
    system_us: float
    paced_us: tuple[float, ...]
    programs: PerConnect
    resident_mb: float
    peak_mb: float
    ready_ms: float
    first_ms: float | None
    lost: int
    wrong: str

    @property
    def cpu_us(self) -> float:
        """CPU a connect, user and system."""
        return self.user_us + self.system_us


class Round(NamedTuple):
    """One round: the load without the tool, then with each mode, and what that cost."""

    bare: Load
    loads: dict[str, Load]
    costs: dict[str, Cost]


def measure(
    modes: Sequence[Mode], the_plan: Plan, workers: int, rounds: int
) -> Iterator[Round]:
    """Measure the modes so many times, each time in another order."""
    memory = MEMORY if os.path.isdir(MEMORY) else None
    with (
        tempfile.TemporaryDirectory(dir=memory) as folder,
        Generator(workers) as generator,
    ):
        bench = Bench(generator, the_plan, Path(folder, "output"))
        for number in range(rounds):
            turn = number * len(modes) // rounds
            yield bench.round([*modes[turn:], *modes[:turn]])
            _tell(f" round {number + 1} of {rounds}")


class Bench:
    """Measures with a generator and the loads of a plan."""

    def __init__(self, generator: Generator, the_plan: Plan, path: Path) -> None:
        self._make = generator.make
        self._make_alone = generator.make_alone
        self._plan = the_plan
        self._path = path

    def round(self, modes: Sequence[Mode]) -> Round:
        """Measure without the tool, then with each mode in this order."""
        bare = _load(self._make(self._plan.mixed), self._make(self._plan.top))
        loads, costs = {}, {}
        for mode in modes:
            loads[mode.name], costs[mode.name] = self._mode(mode)
            _tell(".", end="")
        return Round(bare, loads, costs)

    def _mode(self, mode: Mode) -> tuple[Load, Cost]:
        with Tool(_options(mode), self._path) as tool:
            first = self._make_alone(Order(1, share_ok=0))
            first_ms = _first_ms(mode, tool)
            mixed, user_us, system_us = self._work(tool, self._plan.mixed)
            top, _, _ = self._work(tool, self._plan.top)
            paced = [self._work(tool, order) for order in self._plan.paced]
            timed, programs = self._timed(tool)
            tool.wait_still()
            memory_mb = tool.memory_mb()
            lost = tool.stop()
            made = total([first, mixed, top, *[done for done, *_ in paced], timed])
            cost = Cost(
                user_us,
                system_us,
                tuple(sum(spent_us) for _, *spent_us in paced),
                programs,
                *memory_mb,
                tool.ready_ms,
                first_ms,
                lost,
                mismatch(mode, tool.output, made, lost),
            )
        return _load(mixed, top), cost

    def _timed(self, tool: Tool) -> tuple[Made, PerConnect]:
        """Make a load in slices; return it with the medians of what programs cost.

        A run that the hypervisor or an interrupt stretches spoils one slice only.
        """
        with statistics():
            slices = [self._slice(tool) for _ in range(SLICES)]
        parts, costs = zip(*slices, strict=True)
        return total(parts), PerConnect(*map(median, zip(*costs, strict=True)))

    def _slice(self, tool: Tool) -> tuple[Made, PerConnect]:
        own = os.getpid()
        before, empty_before = tool.programs(), programs_of(own)
        made = self._make_alone(self._plan.timed)
        spent = tool.programs().since(before)
        empty = programs_of(own).since(empty_before)
        empty_ns = empty.time_ns / max(empty.runs, 1)
        per_connect = PerConnect(
            spent.runs / made.connects,
            spent.time_ns / made.connects,
            empty_ns * spent.runs / made.connects,
        )
        return made, per_connect

    def _work(self, tool: Tool, order: Order) -> tuple[Made, float, float]:
        """Make a load; return it with user and system CPU of the tool, us a connect."""
        tool.wait_still()
        before = tool.cpu()
        made = self._make(order)
        tool.wait_still()
        user_s, system_s = tool.cpu().since(before)
        return made, user_s * 1e6 / made.connects, system_s * 1e6 / made.connects


def _options(mode: Mode) -> tuple[str, ...]:
    """Leave out connects of others, whose losses would be mistaken for ours.

    A tool that lost us, because we were killed, ends by itself.
    """
    options = (*mode.options, "--duration", "3600")
    if "-P" not in options:
        options = (*options, "-P", PORTS)
    return (*options, "--", *mode.command) if mode.command else options


def _first_ms(mode: Mode, tool: Tool) -> float | None:
    if mode.counts or mode.shows == "none":
        return None
    tool.wait_for(NETWORK)
    return tool.age_ms


def _load(mixed: Made, top: Made) -> Load:
    return Load(
        mixed.wall_s * 1e6 / mixed.connects,
        mixed.cpu_s * 1e6 / mixed.connects,
        top.connects / top.wall_s,
    )


def _tell(text: str, end: str = "\n") -> None:
    print(text, end=end, file=sys.stderr, flush=True)
