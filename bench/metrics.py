"""What ``-o prometheus://`` costs more than ``-r`` alone, and how long a page takes."""

from __future__ import annotations

import socket
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import TYPE_CHECKING, NamedTuple
from urllib.request import ProxyHandler, build_opener

from bench.generator import NETWORK, PORTS, Generator, Order
from bench.tool import Tool
from tcpconnect.connection import Connection
from tcpconnect.image import Image
from tcpconnect.metrics.facts import Facts
from tcpconnect.metrics.ledger import LINES, MAX_SERIES, Ledger
from tcpconnect.metrics.page import page_maker

if TYPE_CHECKING:
    from collections.abc import Sequence

RATE, SECONDS, WORKERS = 10_000.0, 15.0, 1
SCRAPES_S = 1.0
PAGES = 30
# Others may connect to our ports, but not in our network.
ATTEMPTS, OURS = "tcpconnect_attempts_total{", f'server_address="{NETWORK}'
REPORT = """\
tcpconnect -o prometheus://, read each second, {rate:.0f} attempts/s for {seconds:.0f} s
(medians of {n} rounds)

-r alone     {alone:5.1f} % of a core
prometheus   {place:5.1f} % of a core, so {more:.1f} more
memory       {memory:5.1f} MB
lost         {lost:5} of {made} attempts
a page       {page:5.1f} ms, of {series} series (at most 50)
"""


class Sample(NamedTuple):
    """Shares of a core; memory in MB; attempts made, and not on the page."""

    alone: float
    place: float
    memory_mb: float
    made: int
    lost: int


class Reader(Thread):
    """Reads a page again and again."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._url = f"http://127.0.0.1:{port}/metrics"
        self._open = build_opener(ProxyHandler({})).open
        self._stopped = Event()

    def read(self) -> str:
        """Return the page."""
        with self._open(self._url, timeout=30) as answer:
            text: bytes = answer.read()
            return text.decode()

    def run(self) -> None:
        """Read until it is stopped."""
        while not self._stopped.wait(SCRAPES_S):
            self.read()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self.join()


def measure(rounds: int) -> list[Sample]:
    """Measure so many times."""
    with Generator(WORKERS) as generator, tempfile.TemporaryDirectory() as name:
        return [_once(generator, Path(name)) for _ in range(rounds)]


def report(samples: list[Sample]) -> str:
    """Return the lines of a table."""
    alone, place, memory = (median(sample[n] for sample in samples) for n in range(3))
    series, page_ms = page()
    return REPORT.format(
        rate=RATE,
        seconds=SECONDS,
        n=len(samples),
        alone=100 * alone,
        place=100 * place,
        more=100 * (place - alone),
        memory=memory,
        lost=sum(sample.lost for sample in samples),
        made=sum(sample.made for sample in samples),
        series=series,
        page=page_ms,
    )


def page() -> tuple[int, float]:
    """Return how many series a full page has, and how many ms it takes to make it."""
    ledger = Ledger(MAX_SERIES)
    events = [_attempt(f"host{n}.example") for n in range(MAX_SERIES // 10)]
    for number in range(20):
        image = Image(exe=f"/usr/bin/program{number}")
        for event in events:
            event.image = image
        ledger.add(events, 0)
    make = page_maker(ledger.page, lambda: Facts({}, {}))
    found = ledger.page()
    series = len(found.counts) + LINES * len(found.durations)
    taken = []
    for _ in range(PAGES):
        began = time.perf_counter()
        make()
        taken.append(time.perf_counter() - began)
    return series, 1000 * median(taken)


def _attempt(name: str) -> Connection:
    attempt = Connection(0, 0, 0, 1, 1, "", 4, "", 0, "192.0.2.1", 443, 0, 0, 0)
    attempt.query, attempt.result, attempt.latency_ms = name, "OK", 2.0
    return attempt


def _once(generator: Generator, folder: Path) -> Sample:
    alone, _, _, _ = _run(generator, ("-r", "-P", PORTS), folder)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ("-P", PORTS, "-o", f"prometheus://{port}")
    place, memory, made, counted = _run(generator, words, folder, Reader(port))
    return Sample(alone, place, memory, made, made - counted)


def _run(
    generator: Generator,
    words: Sequence[str],
    folder: Path,
    reader: Reader | None = None,
) -> tuple[float, float, int, int]:
    """Return the share of a core, memory in MB, attempts made, and the page's."""
    with Tool(words, folder / "out") as tool:
        tool.wait_still()
        if reader:
            reader.start()
        before = tool.cpu()
        order = Order(round(RATE * SECONDS), rate=RATE, seconds=2 * SECONDS)
        made = generator.make(order)
        if reader:
            reader.stop()
        tool.wait_still()
        spent = tool.cpu().all_s - before.all_s
        now, _ = tool.memory_mb()
        time.sleep(SCRAPES_S)  # a page is made once in a second
        text = reader.read() if reader else ""
        tool.stop()
    return spent / made.wall_s, now, made.connects, counted_on(text)


def counted_on(page: str) -> int:
    """Return how many of our attempts a page has."""
    lines = [line for line in page.splitlines() if line.startswith(ATTEMPTS)]
    ours = [line for line in lines if OURS in line]
    return int(sum(float(line.rpartition(" ")[2]) for line in ours))


if __name__ == "__main__":
    sys.stdout.write(report(measure(1)))
