"""What the tool costs system calls that have nothing to do with TCP: getppid(2)."""

from __future__ import annotations

import os
import time
from pathlib import Path
from statistics import median

from bench.tool import Tool

CALLS = 500_000
LEGEND = """\
getppid(2), called from Python: medians, and the median difference to the same without
the tool, round by round, in ns a call.
"""
# No connection is shown: what differs is what is attached.
WAYS: dict[str, tuple[str, ...] | None] = {
    "without": None,
    "-r": ("-P", "1", "-r"),
    "--failed": ("-P", "1", "--failed"),
    "--why": ("-P", "1", "--why"),
}


def measure(rounds: int) -> dict[str, list[float]]:
    """Return for each way the ns that a call took, in each round."""
    samples: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name, options in WAYS.items():
            if options is None:
                samples[name].append(_call())
            else:
                with Tool(options, Path(os.devnull)):
                    samples[name].append(_call())
    return samples


def report(samples: dict[str, list[float]]) -> str:
    """Return the lines of a table."""
    without = samples["without"]
    lines = [f"{'':10} {'ns a call':>10} {'added':>7}"]
    for name, taken in samples.items():
        added = median(t - w for t, w in zip(taken, without, strict=True))
        lines.append(f"{name:10} {median(taken):10.1f} {added:7.1f}")
    return LEGEND + "\n".join(lines) + "\n"


def _call() -> float:
    call, times = os.getppid, range(CALLS)
    began = time.perf_counter_ns()
    for _ in times:
        call()
    return (time.perf_counter_ns() - began) / CALLS
