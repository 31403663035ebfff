"""What each BPF program takes for a refused connect, and what -r and --why add."""

from __future__ import annotations

import os
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench.generator import CLOSED_PORT, Generator, Order
from bench.programs import Programs, programs_of, statistics
from bench.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Iterator

MODES = {"": (), "-r": ("-r",), "--why": ("--why",)}
# The programs that look at calls of connect(); all others are for attempts.
CALLS = ("connect_", "fastopen_")
LEGEND = """\
By one worker; medians of {rounds} rounds. net: without what the kernel's clock says of
a program that does nothing. The kernel keeps 15 characters of a name.

options  program          runs a connect  ns a run  net ns a connect
"""

Row = tuple[float, float, float]  # runs a connect, ns a run, net ns a connect
Rows = dict[tuple[str, str], Row]  # by mode and program


def measure(rounds: int, connects: int) -> list[Rows]:
    """Return what each round has measured."""
    with Generator(1) as generator:
        return [_round(generator, connects) for _ in range(rounds)]


def _round(generator: Generator, connects: int) -> Rows:
    rows: Rows = {}
    for mode, options in MODES.items():
        tool = Tool(("-P", str(CLOSED_PORT), *options), Path(os.devnull))
        with tool, statistics():
            before = programs_of(os.getpid())
            generator.make(Order(connects, share_ok=0))
            empty = programs_of(os.getpid()).since(before)
            programs = tool.programs_by_name()
        for name, ran in programs.items():
            if ran.runs:
                rows[mode, name] = _row(ran, empty.time_ns / empty.runs, connects)
    return rows


def _row(ran: Programs, empty_ns: float, connects: int) -> Row:
    net_ns = ran.time_ns - empty_ns * ran.runs
    return ran.runs / connects, ran.time_ns / ran.runs, net_ns / connects


def report(rounds: list[Rows]) -> str:
    """Return the lines of a table, and what the options add."""
    lines = [LEGEND.format(rounds=len(rounds))]
    nets: dict[tuple[str, str], float] = {}
    for mode, name in sorted(rounds[0], key=lambda key: list(MODES).index(key[0])):
        runs, run_ns, nets[mode, name] = (
            median(rows[mode, name][column] for rows in rounds) for column in range(3)
        )
        net = nets[mode, name]
        lines.append(f"{mode:8} {name:16} {runs:14.2f} {run_ns:9.0f} {net:17.0f}\n")
    return "".join((*lines, "\n", *_added(nets)))


def _added(nets: dict[tuple[str, str], float]) -> Iterator[str]:
    def total(mode: str, *, calls: bool) -> float:
        chosen = (n for n in nets if n[0] == mode and n[1].startswith(CALLS) == calls)
        return sum(nets[key] for key in chosen)

    attempts = total("-r", calls=False)
    for what, net in (
        ("-r: for attempts", attempts),
        ("-r: for calls of connect()", total("-r", calls=True)),
        ("--why: more for attempts", total("--why", calls=False) - attempts),
    ):
        times = f"{net / attempts:.2f} times the first"
        yield f"{what:28} {net:6.0f} ns a connect, {times}\n"
