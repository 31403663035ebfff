"""``python -m tests.soak``: options, the run, the report."""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from bench.generator import Generator, Order

from .hostile import NICENESS, hostile
from .load import ANSWERS_A_S, PROCESSES_A_S, Load, answers, processes
from .rules import (
    LATEST_S,
    LONGEST_STOP_S,
    MOST_GROWTH_MB,
    Account,
    growth_mb,
    leaked,
    wrong,
)
from .tool import Tool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .rules import Sample

# At a rate at which nothing is lost, until all that the tool keeps is full: 64 MB of
# processes, names of 10,240 addresses. Then a while at full rate, with full batches.
WARM_UP_S = 60.0
WARM_UP_PROCESSES = 10_000
WARM_UP_RATE = 1000.0
SETTLE_S = 20.0
SLICE_S = 2.0
FEWEST = 4  # fewest samples for a result
ENDLESS = 1 << 40
REPORT_S = 10.0


def options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    add = parser.add_argument
    add("--minutes", type=float, default=10.0, help="after a warm-up (%(default)s)")
    add(
        "--workers", type=int, default=os.cpu_count(), help="that connect (%(default)s)"
    )
    return parser.parse_args()


class Soak:
    """The tool and its loads, running."""

    def __init__(self, generator: Generator, tool: Tool, loads: list[Load]) -> None:
        self._generator = generator
        self._tool = tool
        self._processes, self._answers = loads
        self._made = 0
        self._reported = -REPORT_S

    def slice(self, rate: float = 0.0) -> Sample:
        """Make connects for a moment, at full rate by default; return the state."""
        made = self._generator.make(Order(ENDLESS, rate=rate, seconds=SLICE_S))
        self._made += made.connects
        sample = self._tool.sample()
        if sample.time_s >= self._reported + REPORT_S:
            self._reported = sample.time_s
            connects = made.connects / made.wall_s
            _tell(
                f"{sample.time_s:5.0f} s  {connects:6.0f} connects/s  "
                f"{self._processes.done:8d} processes  "
                f"{self._answers.done:9d} answers  {self._tool.lines:10d} lines  "
                f"{sample.memory_mb:6.1f} MB  {sample.descriptors:3d} descriptors  "
                f"latest line {self._tool.latest_since():4.2f} s  "
                f"waited {self._tool.waited_since():4.1f} s for a processor"
            )
        return sample

    def warm_up(self) -> None:
        """Go on until all caches are full."""
        end = time.monotonic() + WARM_UP_S
        while time.monotonic() < end or self._processes.done < WARM_UP_PROCESSES:
            self.slice(WARM_UP_RATE)
        end = time.monotonic() + SETTLE_S
        while time.monotonic() < end:
            self.slice()

    def measure(self, seconds: float) -> list[Sample]:
        """Go on for so long."""
        end = time.monotonic() + seconds
        samples = [self.slice() for _ in range(FEWEST)]
        while time.monotonic() < end:
            samples.append(self.slice())
        return samples

    def account(self) -> Account:
        """End it."""
        self._answers.stop()
        made = self._made + self._processes.stop()
        lost = self._tool.stop()
        tool = self._tool
        return Account(made, tool.lines, lost, tool.latest_s, tool.stop_s)


def main() -> int:
    """Run and report; 1 when something is wrong."""
    given = options()
    with ExitStack() as stack:
        with _nicer():
            generator = stack.enter_context(Generator(given.workers))
        tool = stack.enter_context(Tool())
        with _nicer():
            loads = [
                stack.enter_context(Load(prepare, rate))
                for prepare, rate in (
                    (processes, PROCESSES_A_S),
                    (answers, ANSWERS_A_S),
                )
            ]
            stack.enter_context(hostile(tool.pid))
        tool.watch()
        soak = Soak(generator, tool, loads)
        soak.warm_up()
        _tell("warm: from now on nothing may grow")
        samples = soak.measure(given.minutes * 60)
        account = soak.account()
    seconds = (samples[-1].time_s - samples[0].time_s) / 2
    _tell(f"made {account.made} = shown {account.shown} + lost {account.lost}")
    _tell(
        f"memory {samples[-1].memory_mb:.1f} MB, grown by {growth_mb(samples):+.2f} MB "
        f"in the last {seconds:.0f} s (at most {MOST_GROWTH_MB})"
    )
    _tell(
        f"the latest line came after {account.latest_s:.2f} s (at most {LATEST_S}), "
        f"the stop took {account.stop_s:.2f} s (at most {LONGEST_STOP_S})"
    )
    _tell(f"descriptors {samples[-1].descriptors}, leaked {leaked(samples)}")
    for line in tool.totals():
        _tell(line)
    found = list(wrong(samples, account))
    _tell("\n".join(found) or "all is well")
    return int(bool(found))


@contextmanager
def _nicer() -> Iterator[None]:
    """Start what makes load: the tool, and who reads its output, have a CPU to spare.

    That is the condition on which its lines are promised to come in time.
    """
    before = os.nice(NICENESS)
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, before - NICENESS)


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
