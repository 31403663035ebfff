"""Measures the peers in the machine; prints one JSON object."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench import each
from bench.generator import CLOSED_PORT, NETWORK, Generator, Made, Order
from bench.peers.cases import compare
from bench.peers.peer import BCC, OURS, PEERS, Peer, Running
from bench.programs import programs_of, statistics

MARK = NETWORK.encode()
EACH_CONNECTS = 2000
STARTS = 9  # of an interpreter


class Plan(NamedTuple):
    """The loads of a round: all connects are refused, each is an event."""

    paced: Order
    top: Order
    timed: Order


class Sample(NamedTuple):
    """One peer in one round.

    ``first_s``: from exec to the first line of an attempt. Microseconds an event:
    ``paced_us`` and ``top_us`` of its CPU, ``added_us`` of the connecting
    program's CPU, more than without it, at the top rate. ``lost``: made, not shown.
    ``programs_us``: time in its BPF programs, a connect.
    """

    first_s: float
    resident_mb: float
    peak_mb: float
    paced_us: float
    top_us: float
    top_rate: float
    added_us: float
    lost_paced: int
    lost_top: int
    programs_us: float


class Prober:
    """Makes a refused connect every few milliseconds until it is stopped."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped.wait(0.02):
            self._generator.make(Order(1, share_ok=0))

    def stop(self) -> None:
        """Return when it has stopped."""
        self._stopped.set()
        self._thread.join()


def measure(peer: Peer, plan: Plan, generator: Generator, bare_us: float) -> Sample:
    """Start a peer, put the loads on it, stop it."""
    prober = Prober(generator)
    try:
        running = Running(peer)
        first_s = running.wait_for(MARK)
    finally:
        prober.stop()
    with running:
        running.read_still()
        before = running.count(MARK)
        paced, paced_us = load(running, plan.paced, generator)
        after_paced = running.count(MARK)
        top, top_us = load(running, plan.top, generator)
        memory = running.memory_mb()
        shown = running.count(MARK)
        timed_ns = programs_ns(running, plan.timed, generator)
    return Sample(
        first_s,
        *memory,
        paced_us,
        top_us,
        top.connects / top.wall_s,
        top.cpu_s * 1e6 / top.connects - bare_us,
        paced.connects - (after_paced - before),
        top.connects - (shown - after_paced),
        timed_ns / 1000,
    )


def load(running: Running, order: Order, generator: Generator) -> tuple[Made, float]:
    """Make a load while a peer traces; return it with its CPU an event, in us."""
    before = running.cpu_s()
    result: list[Made] = []
    thread = threading.Thread(target=lambda: result.append(generator.make(order)))
    thread.start()
    while thread.is_alive():
        running.read(0.1)
    thread.join()
    running.read_still()
    (made,) = result
    return made, (running.cpu_s() - before) * 1e6 / made.connects


def bare(plan: Plan, generator: Generator) -> tuple[float, float]:
    """Return CPU of the connecting program a connect, in us, and its top rate."""
    made = generator.make(plan.top)
    return made.cpu_s * 1e6 / made.connects, made.connects / made.wall_s


def programs_ns(running: Running, order: Order, generator: Generator) -> float:
    """Return the time that the kernel says a peer's programs take for a connect.

    What a kprobe costs besides its program is not in it.
    """
    with statistics():
        before = programs_of(running.pid)
        made, _ = load(running, order, generator)
        spent = programs_of(running.pid).since(before)
    return spent.time_ns / made.connects


def interpreter_s() -> float:
    """Return how long an interpreter takes that does nothing."""
    times = []
    for _ in range(STARTS):
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        times.append(time.monotonic() - began)
    return median(times)


def version(peer: Peer) -> str:
    """Return a peer's version, as its package or itself has it."""
    if peer.package:
        command = ["dpkg-query", "-W", "-f", "${Version}", peer.package]
    else:
        command = [peer.command[0], "--version"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return told.split()[-1]


def main() -> int:
    """Measure, compare, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers.guest")
    add = parser.add_argument
    add("--rounds", type=int, default=3)
    add("--rate", type=float, default=500.0)
    add("--connects", type=int, default=10_000)
    add("--output", type=Path, required=True)
    given = parser.parse_args()
    plan = Plan(
        Order(round(given.rate * 20), share_ok=0, rate=given.rate),
        Order(given.connects, share_ok=0),
        Order(1000, share_ok=0),
    )
    rounds: list[dict[str, Any]] = []
    with Generator(1) as generator:
        for number in range(given.rounds):
            bare_us, bare_rate = bare(plan, generator)
            nothing_s = interpreter_s()
            peers = {}
            for peer in PEERS:
                peers[peer.name] = measure(peer, plan, generator, bare_us)._asdict()
                say(f"round {number + 1}: {peer.name} {peers[peer.name]}")
            rounds.append(
                {
                    "bare_us": bare_us,
                    "bare_rate": bare_rate,
                    "interpreter_s": nothing_s,
                    "peers": peers,
                }
            )
    say("each program")
    programs = each.report(each.measure(given.rounds, EACH_CONNECTS))
    say("one connection of each kind")
    cases = compare(OURS, BCC)
    result = {
        "machine": f"Linux {platform.release()} {platform.machine()}, "
        f"{os.cpu_count()} CPU, Python {platform.python_version()}",
        "versions": {peer.name: version(peer) for peer in PEERS},
        "rate": given.rate,
        "rounds": rounds,
        "programs": programs,
        "cases": cases,
        "closed_port": CLOSED_PORT,
    }
    given.output.write_text(json.dumps(result))
    return 0


def say(text: str) -> None:
    """Print a line at once."""
    print(f"{time.monotonic():.0f} s: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
