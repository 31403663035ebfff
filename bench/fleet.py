"""What many hosts cost one ClickHouse: its engine, of this machine, behind HTTP.

Hosts are simulated in one process: the windows and the encoder are the real ones.
"""

from __future__ import annotations

import gzip
import os
import random
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.replay import BEGAN, some_event
from tcpconnect.history.spread import Spread
from tcpconnect.history.window import Window
from tcpconnect.remote.clickhouse import ClickHouse
from tcpconnect.remote.spool import Block
from tests.support.clickhouse import PASSWORD, USER, serve_clickhouse

if TYPE_CHECKING:
    from tests.support.clickhouse import ClickHouse as Server

HOSTS, ROWS = 10_000, 30  # rows of a host's minute
GATHERED = 500  # hosts
ATTEMPTS = 1_000_000  # single ones, in blocks of so many:
BLOCK = 100_000
MINUTE = 60
REPORT = """\
one minute of {hosts} hosts, each a block of {rows} rows of windows; an insert has
{gathered} blocks, as async_insert gathers them

into the engine     {rows_s:,.0f} rows/s, views included; {needed:,.0f} are needed
folded, encoded     {host_ms:.1f} ms of CPU a host
on disk             {window_bytes:.1f} bytes a row

{attempts:,} attempts of ?events=all, in blocks of {block:,}

into the engine     {attempts_s:,.0f} rows/s (at least 200,000)
on disk             {attempt_bytes:.1f} bytes an attempt (at most 12)

questions to that history
a pair's hosts      {pairs_ms:.0f} ms
what fails          {failing_ms:.0f} ms
"""
SIZE = """
SELECT sum(data_compressed_bytes) / sum(rows) FROM system.parts
WHERE active AND database = 'tcpconnect' AND table = '{}'"""
PAIRS = "SELECT * FROM fleet_pairs ORDER BY hosts DESC LIMIT 20"
FAILING = """
SELECT program, destination, sum(attempts) AS n, sum(attempts * failed) AS bad
FROM window_rows GROUP BY program, destination HAVING bad * 2 >= n"""


class Measured(NamedTuple):
    """What was measured: seconds, and bytes on disk."""

    engine_s: float
    encoder_s: float
    window_bytes: float
    attempts_s: float
    attempt_bytes: float
    pairs_s: float
    failing_s: float


def measure(_rounds: int) -> Measured:
    """Send a minute of all hosts, then single attempts of one."""
    os.environ |= {"CLICKHOUSE_USER": USER, "CLICKHOUSE_PASSWORD": PASSWORD}
    with (
        tempfile.TemporaryDirectory() as folder,
        serve_clickhouse(Path(folder)) as server,
    ):
        engine_s, encoder_s = _windows(server)
        attempts_s = _attempts(server)
        server.ask("OPTIMIZE TABLE window_rows FINAL")
        server.ask("OPTIMIZE TABLE attempts FINAL")
        sizes = [
            float(server.ask(SIZE.format(table))[0][0])
            for table in ("window_rows", "attempts")
        ]
        return Measured(
            *(engine_s, encoder_s, sizes[0], attempts_s, sizes[1]),
            *(_took(server, statement) for statement in (PAIRS, FAILING)),
        )


def _windows(server: Server) -> tuple[float, float]:
    """Return how long the engine took, and the CPU of our part.

    This engine does not gather inserts by itself, as a server does.
    """
    engine_s = encoder_s = 0.0
    now = int(time.time()) // MINUTE * MINUTE
    bodies = []
    for number in range(HOSTS):
        at = time.process_time()
        place = ClickHouse(server.url, host=f"host{number:05}")
        window = Window(Spread())
        window.add((some_event(number + n * 7) for n in range(10 * MINUTE)), now)
        rows = [
            ((MINUTE, now), key, row)
            for key, row in islice(window.take().items(), ROWS)
        ]
        bodies.append(place.windows(rows, {}).body)
        encoder_s += time.process_time() - at
        if len(bodies) == GATHERED or number == HOSTS - 1:
            body = b"\n".join(map(gzip.decompress, bodies))
            began = time.monotonic()
            server.ask("INSERT INTO window_rows FORMAT JSONEachRow", body)
            engine_s += time.monotonic() - began
            bodies.clear()
    return engine_s, encoder_s


def _attempts(server: Server) -> float:
    """Return how many rows a second the engine takes; making them does not count."""
    place = ClickHouse(server.url, host="host00000")
    place.open()
    chance, took = random.Random(1), 0.0  # noqa: S311 (the same in each run)
    now = time.time_ns()
    for begin in range(0, ATTEMPTS, BLOCK):
        events = [some_event(begin + n) for n in range(BLOCK)]
        for event in events:
            event.time += now - BEGAN  # old ones go (TTL)
            event.latency_ms = chance.lognormvariate(0, 1)
        kind, n, attempts, body, _ = place.single(events)
        began = time.monotonic()
        place.deliver(Block(0, f"s{begin}", kind, n, attempts, 0), body)
        took += time.monotonic() - began
    return ATTEMPTS / took


def _took(server: Server, statement: str) -> float:
    began = time.monotonic()
    server.ask(statement)
    return time.monotonic() - began


def report(measured: Measured) -> str:
    """Return the figures as lines."""
    return REPORT.format(
        hosts=f"{HOSTS:,}",
        rows=ROWS,
        gathered=GATHERED,
        rows_s=HOSTS * ROWS / measured.engine_s,
        needed=HOSTS * ROWS / MINUTE,
        host_ms=measured.encoder_s / HOSTS * 1000,
        window_bytes=measured.window_bytes,
        attempts=ATTEMPTS,
        block=BLOCK,
        attempts_s=measured.attempts_s,
        attempt_bytes=measured.attempt_bytes,
        pairs_ms=measured.pairs_s * 1000,
        failing_ms=measured.failing_s * 1000,
    )
