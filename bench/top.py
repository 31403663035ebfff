"""What the screen of ``tcpconnect top`` costs: 40 rows, 10,000 attempts a second."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios
import time
from statistics import median
from typing import NamedTuple

from bench.memory import memory_mb
from bench.tool import CPUCLOCK_SCHED, TOOL

ROWS, RATE, SLICES = 40, 10_000, 10
SETTLE_S, SECONDS = 2.0, 10.0
MIB = 1024 * 1024 / 1e6  # in MB
FRAME = b"attempts/s"
ENDED = b"\x1b[?1049l"  # the screen of before is shown again
SIZE = struct.pack("HHHH", 50, 120, 0, 0)
REPORT = """\
tcpconnect top -, {rows} rows, {rate} attempts/s, 120 x 50 cells; medians of {n} rounds

screen's CPU    {cpu:5.2f} % of a core   (at most 2)
screen's memory {mib:5.1f} MiB           (at most 45)
first frame     {first:5.2f} s after exec (at most 0.7)
"""


class Sample(NamedTuple):
    """The screen's share of a core, its memory, and seconds to the first frame."""

    share: float
    mib: float
    first_s: float


def measure(rounds: int) -> list[Sample]:
    """Run it so many times."""
    return [_once() for _ in range(rounds)]


def report(samples: list[Sample]) -> str:
    """Return the lines of a table."""
    share, mib, first = (median(values) for values in zip(*samples, strict=True))
    n, cpu = len(samples), 100 * share
    return REPORT.format(rows=ROWS, rate=RATE, n=n, cpu=cpu, mib=mib, first=first)


def _lines() -> bytes:
    """Return the attempts of a slice of a second."""
    events = (
        {
            "comm": f"program{n % 8}",
            "daddr": f"10.0.0.{n % ROWS}",
            "dport": 443,
            "pid": 1000 + n,
            "result": "OK" if n % 10 else "ECONNREFUSED",
            "latency_ms": n / 100,
        }
        for n in range(RATE // SLICES)
    )
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def _once() -> Sample:
    source, sink = os.pipe()
    began = time.monotonic()
    pid, leader = pty.fork()
    if not pid:
        fcntl.ioctl(0, termios.TIOCSWINSZ, SIZE)
        os.dup2(source, 0)
        os.environ["TERM"] = "xterm-256color"
        os.execv(TOOL, [str(TOOL), "top", "-"])  # noqa: S606 (no shell is needed)
    os.close(source)
    try:
        first_s = _until_first(leader) - began
        _feed(sink, leader, SETTLE_S)
        before = _cpu_s(pid)
        _feed(sink, leader, SECONDS)
        share = (_cpu_s(pid) - before) / SECONDS
        now, _ = memory_mb(pid)
    finally:
        os.write(leader, b"q")
        os.close(sink)
        while ENDED not in _read(leader, 5.0):
            pass
        os.close(leader)
        os.waitpid(pid, 0)
    return Sample(share, now / MIB, first_s)


def _until_first(leader: int) -> float:
    seen = b""
    while FRAME not in seen:
        seen += _read(leader, 10.0)
    return time.monotonic()


def _feed(sink: int, leader: int, seconds: float) -> None:
    """Write attempts at the rate, and read what is drawn."""
    lines, began = _lines(), time.monotonic()
    for n in range(round(seconds * SLICES)):
        os.write(sink, lines)
        due = began + (n + 1) / SLICES
        while (left := due - time.monotonic()) > 0:
            _read(leader, left)


def _read(leader: int, seconds: float) -> bytes:
    if not select.select((leader,), (), (), seconds)[0]:
        return b""
    try:
        return os.read(leader, 1 << 16)
    except OSError:  # it has ended
        return ENDED


def _cpu_s(pid: int) -> float:
    return time.clock_gettime((~pid << 3) | CPUCLOCK_SCHED)


if __name__ == "__main__":
    sys.stdout.write(report(measure(1)))
