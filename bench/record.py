"""What ``tcpconnect record`` costs more than ``-r`` alone, at a fixed rate."""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from bench.generator import NETWORK, PORTS, Generator, Order
from bench.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Sequence

RATE, SECONDS, WORKERS = 10_000.0, 15.0, 1
OURS = """
SELECT sum(attempts) FROM windows JOIN destinations USING (destination_id)
WHERE address LIKE ?"""
REPORT = """\
tcpconnect record, {rate:.0f} attempts/s for {seconds:.0f} s; medians of {n} rounds

                            % of a core   more     MB   lost
-r alone                       {alone}
record                         {record}   (at most 10, 40, 0)
record --alert new,failing     {alerts}
"""
ROW = "{cpu:8.1f} {more:6.1f} {memory:6.1f} {lost:6}"
ALERT = ("--alert", "new,failing")


class Run(NamedTuple):
    """A share of a core; memory in MB; attempts that are missing."""

    cpu: float
    memory_mb: float
    lost: int


class Sample(NamedTuple):
    """One round."""

    alone: Run
    record: Run
    alerts: Run


def measure(rounds: int) -> list[Sample]:
    """Measure so many times."""
    with Generator(WORKERS) as generator, tempfile.TemporaryDirectory() as name:
        return [_once(generator, Path(name), n) for n in range(rounds)]


def report(samples: list[Sample]) -> str:
    """Return the lines of a table."""
    alone = median(sample.alone.cpu for sample in samples)
    rows = {}
    for name in Sample._fields:
        runs: list[Run] = [getattr(sample, name) for sample in samples]
        cpu = median(run.cpu for run in runs)
        rows[name] = ROW.format(
            cpu=100 * cpu,
            more=100 * (cpu - alone),
            memory=median(run.memory_mb for run in runs),
            lost=sum(run.lost for run in runs),
        )
    return REPORT.format(rate=RATE, seconds=SECONDS, n=len(samples), **rows)


def _once(generator: Generator, folder: Path, number: int) -> Sample:
    return Sample(
        _run(generator, ("-r", "-P", PORTS), folder, None),
        *(
            _run(generator, ("record", "-P", PORTS, *more), folder, folder / name)
            for name, more in ((f"{number}.db", ()), (f"{number}-alerts.db", ALERT))
        ),
    )


def _run(
    generator: Generator, words: Sequence[str], folder: Path, history: Path | None
) -> Run:
    """Run the tool beside the load."""
    place = ("-o", f"sqlite:{history}") if history else ()
    with Tool((*words, *place), folder / "out") as tool:
        tool.wait_still()
        before = tool.cpu()
        order = Order(round(RATE * SECONDS), rate=RATE, seconds=2 * SECONDS)
        made = generator.make(order)
        tool.wait_still()
        spent = tool.cpu().all_s - before.all_s
        now, _ = tool.memory_mb()
        lost = tool.stop()
    if history:
        with closing(sqlite3.connect(history)) as kept:
            # Others may connect to our ports, but not in our network.
            (ours,) = kept.execute(OURS, (f"{NETWORK}%",)).fetchone()
        lost = made.connects - int(ours or 0)
    return Run(spent / made.wall_s, now, lost)


if __name__ == "__main__":
    sys.stdout.write(report(measure(1)))
