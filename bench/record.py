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

-r alone  {alone:5.1f} % of a core
record    {record:5.1f} % of a core, so {more:.1f} more (at most 10)
memory    {memory:5.1f} MB (at most 40)
lost      {lost:5} of {made} attempts
"""


class Sample(NamedTuple):
    """Shares of a core; memory in MB; attempts made, and not in the history."""

    alone: float
    record: float
    memory_mb: float
    made: int
    lost: int


def measure(rounds: int) -> list[Sample]:
    """Measure so many times."""
    with Generator(WORKERS) as generator, tempfile.TemporaryDirectory() as name:
        return [_once(generator, Path(name), n) for n in range(rounds)]


def report(samples: list[Sample]) -> str:
    """Return the lines of a table."""
    alone, record, memory = (median(sample[n] for sample in samples) for n in range(3))
    return REPORT.format(
        rate=RATE,
        seconds=SECONDS,
        n=len(samples),
        alone=100 * alone,
        record=100 * record,
        more=100 * (record - alone),
        memory=memory,
        lost=sum(sample.lost for sample in samples),
        made=sum(sample.made for sample in samples),
    )


def _once(generator: Generator, folder: Path, number: int) -> Sample:
    alone, _, _ = _run(generator, ("-r", "-P", PORTS), folder)
    path = folder / f"{number}.db"
    words = ("record", "-P", PORTS, "-o", f"sqlite:{path}")
    record, memory, made = _run(generator, words, folder)
    with closing(sqlite3.connect(path)) as history:
        # Others may connect to our ports, but not in our network.
        (kept,) = history.execute(OURS, (f"{NETWORK}%",)).fetchone()
    return Sample(alone, record, memory, made, made - int(kept or 0))


def _run(
    generator: Generator, words: Sequence[str], folder: Path
) -> tuple[float, float, int]:
    """Return the share of a core, the memory in MB, and how many attempts were made."""
    with Tool(words, folder / "out") as tool:
        tool.wait_still()
        before = tool.cpu()
        order = Order(round(RATE * SECONDS), rate=RATE, seconds=2 * SECONDS)
        made = generator.make(order)
        tool.wait_still()
        spent = tool.cpu().all_s - before.all_s
        now, _ = tool.memory_mb()
        tool.stop()
    return spent / made.wall_s, now, made.connects


if __name__ == "__main__":
    sys.stdout.write(report(measure(1)))
