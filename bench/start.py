"""How soon the tool is ready, beside the start of its own interpreter alone."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.tool import TOOL, Tool

# Modes, and at most so many milliseconds until the ready line.
READY = {"table": ((), 70), "-r": (("-r",), 70), "-d": (("-d",), 110)}
HELP_MS, RESIDENT_MB = 60, 22
REPORT = """\
{n} rounds, in turns: the quickest; of memory the median and the most

               ms    CPU, ms   resident, MB   peak, MB
python -c pass {python}
-h             {help}   (at most {help_ms} ms)
{rows}
What is resident is to be at most {resident} MB.
"""


class Start(NamedTuple):
    """Wall and CPU time of a start, in ms; memory in MB, 0 where it has ended."""

    ms: float
    cpu_ms: float
    resident_mb: float = 0
    peak_mb: float = 0


def measure(rounds: int) -> dict[str, list[Start]]:
    """Return the starts of each round."""
    starts: dict[str, list[Start]] = {}
    interpreter = Path(TOOL).read_text(encoding="utf-8").splitlines()[0][2:]
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            alone = _run([interpreter, "-c", "pass"])
            starts.setdefault("python", []).append(alone)
            starts.setdefault("-h", []).append(_run([str(TOOL), "-h"]))
            for name, (options, _) in READY.items():
                start = _until_ready(options, Path(folder, "output"))
                starts.setdefault(name, []).append(start)
    return starts


def report(starts: dict[str, list[Start]]) -> str:
    """Return the lines of a table: other load only makes a start slower."""
    rows = "".join(
        f"{name:14} {_row(starts[name])}   (at most {most} ms)\n"
        for name, (_, most) in READY.items()
    )
    return REPORT.format(
        n=len(starts["python"]),
        python=_row(starts["python"]),
        help=_row(starts["-h"]),
        help_ms=HELP_MS,
        rows=rows,
        resident=RESIDENT_MB,
    )


def _row(starts: list[Start]) -> str:
    times, cpus, resident_mbs, peaks = zip(*starts, strict=True)
    ms, cpu, resident, peak = min(times), min(cpus), median(resident_mbs), max(peaks)
    memory = f"{resident:12.1f} {peak:10.1f}" if resident else f"{'-':>12} {'-':>10}"
    return f"{ms:5.0f} {cpu:10.0f} {memory}"


def _until_ready(options: tuple[str, ...], path: Path) -> Start:
    with Tool(options, path) as tool:
        cpu_ms = tool.cpu().all_s * 1000
        tool.wait_still()
        start = Start(tool.ready_ms, cpu_ms, *tool.memory_mb())
        tool.stop()
    return start


def _run(words: list[str]) -> Start:
    """Run something to its end, its output nowhere."""
    null = os.open(os.devnull, os.O_WRONLY)
    began = time.monotonic()
    actions = [(os.POSIX_SPAWN_DUP2, null, 1)]
    pid = os.posix_spawn(words[0], words, os.environ, file_actions=actions)
    _, status, used = os.wait4(pid, 0)
    took = time.monotonic() - began
    os.close(null)
    if status:
        raise RuntimeError(f"{words} ended with {status}")
    return Start(took * 1000, (used.ru_utime + used.ru_stime) * 1000)


if __name__ == "__main__":
    sys.stdout.write(report(measure(1)))
