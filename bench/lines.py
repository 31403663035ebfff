"""Where BPF programs spend their time, line by line: samples of a clock, by perf."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from bisect import bisect_right
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.generator import CLOSED_PORT, Generator, Order
from bench.programs import lines_of
from bench.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.programs import Line

MODES = {"table": (), "-r": ("-r",)}
CONNECTS = 200_000
SAMPLES_A_SECOND = 20_000
TOP = 12
ENABLED = "ack\n"
WIDTH = 52  # of a source line
LEGEND = """\
By one worker, all refused; {connects} connects in {rounds} rounds, {rate} samples
a second of each CPU's clock. Of a line inlined from a header, and of the helpers it
calls. Samples say where time goes; how much it is, the section before says better.
"""


class Shares(NamedTuple):
    """Samples of one mode by line, all of its programs, and of how many connects."""

    samples: Counter[Line]
    connects: int


def measure(rounds: int) -> dict[str, Shares]:
    """Return for each mode what all rounds together have found."""
    found: dict[str, Counter[Line]] = {mode: Counter() for mode in MODES}
    with Generator(1) as generator, tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for mode, options in MODES.items():
                found[mode] += _round(generator, options, Path(folder, "perf.data"))
    return {mode: Shares(lines, CONNECTS * rounds) for mode, lines in found.items()}


def report(found: dict[str, Shares]) -> str:
    """Return for each mode the lines that take most."""
    rounds = found["table"].connects // CONNECTS
    rate = f"{SAMPLES_A_SECOND:,}"
    text = LEGEND.format(connects=f"{CONNECTS:,}", rounds=rounds, rate=rate)
    return text + "".join(map("".join, map(_table, found, found.values())))


def _table(mode: str, shares: Shares) -> Iterator[str]:
    total = shares.samples.total()
    if not total:
        raise RuntimeError(f"{mode}: perf saw no BPF program")
    yield f"\n{mode:5} % of the time in its programs, at\n"
    for line, samples in shares.samples.most_common(TOP):
        where = f"{line.file}:{line.number}"
        yield f"{100 * samples / total:7.1f}  {where:24} {line.source[:WIDTH]}\n"
    rest = len(shares.samples) - TOP
    if rest > 0:
        left = total - sum(count for _, count in shares.samples.most_common(TOP))
        yield f"{100 * left / total:7.1f}  {rest} other lines\n"


def _round(generator: Generator, options: tuple[str, ...], data: Path) -> Counter[Line]:
    tool = Tool(("-P", str(CLOSED_PORT), *options), Path(os.devnull))
    with tool, _sampling(data):
        generator.make(Order(CONNECTS, share_ok=0))
        lines = sorted(lines_of(tool.pid), key=lambda line: line.address)
    addresses = [line.address for line in lines]
    found: Counter[Line] = Counter()
    for address in _addresses(data):
        line = lines[bisect_right(addresses, address) - 1]
        if line.address <= address < line.end:
            found[line._replace(address=0, end=0)] += 1
    return found


@contextlib.contextmanager
def _sampling(data: Path) -> Iterator[None]:
    """Have perf sample the kernel's stacks meanwhile, on each CPU, into a file."""
    here, there = os.pipe()
    answered, answers = os.pipe()
    words = ("perf", "record", "-q", "-a", "-g", "-e", "cpu-clock:k", "-D", "-1")
    more = ("-F", str(SAMPLES_A_SECOND), "-o", data, f"--control=fd:{here},{answers}")
    process = subprocess.Popen(
        (*words, *more), pass_fds=(here, answers), stdout=subprocess.DEVNULL
    )
    for end in (here, answers):
        os.close(end)
    with os.fdopen(there, "wb", buffering=0) as orders, os.fdopen(answered) as answer:
        try:
            orders.write(b"enable\n")
            if answer.readline() != ENABLED:
                raise RuntimeError("perf does not record")
            yield
        finally:
            process.terminate()
            process.wait()


def _addresses(data: Path) -> Iterator[int]:
    """Yield of each sample the innermost address that is in a BPF program."""
    words = ("perf", "script", "-i", data, "-F", "ip,sym")
    stacks = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    for stack in stacks.split("\n\n"):
        for call in stack.splitlines():
            address, _, symbol = call.strip().partition(" ")
            if symbol.startswith("bpf_prog_"):
                yield int(address, 16)
                break
