"""What many hosts cost one ClickHouse: its engine, of this machine, behind HTTP.

Hosts are simulated in one process: the windows and the encoder are the real ones.
"""

from __future__ import annotations

import gzip
import os
import tempfile
import time
import zlib
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.engine import Engine, inserted
from bench.hosts import Fleet
from bench.replay import some_event
from tcpconnect.history.spread import Spread
from tcpconnect.history.window import Window
from tcpconnect.remote.clickhouse import ClickHouse
from tcpconnect.remote.packing import WITH_HEADER
from tcpconnect.remote.sender import Sender
from tcpconnect.remote.spool import Spool
from tests.support.clickhouse import PASSWORD, USER, serve_clickhouse

if TYPE_CHECKING:
    from tests.support.clickhouse import ClickHouse as Server

HOSTS, ROWS = 10_000, 30  # rows of a host's minute
GATHERED = 500  # hosts
SINGLE_HOSTS, SINGLE_S = 25, 3_600  # whose attempts are sent one by one
SINGLE_EVERY_S = 10  # a block of a host
FULL = 10 << 20  # bytes that async_insert gathers
MINUTE = 60
REPORT = """\
one minute of {hosts} hosts, each a block of {rows} rows of windows; an insert has
{gathered} blocks, as async_insert gathers them

into the engine     {rows_s:,.0f} rows/s, views included; {needed:,.0f} are needed
folded, encoded     {host_ms:.1f} ms of CPU a host
on disk             {window_bytes:.1f} bytes a row

sent in a second    {least} to {most} blocks: hosts wait for a random part of a minute

{attempts:,} attempts of ?events=all, of {single_hosts} hosts in {single_s:,} s; an
insert has 10 MB, as async_insert gathers them

into the engine     {attempts_s:,.0f} rows/s; {attempts_cpu_s:,.0f} a second of CPU
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
    attempts: Engine
    spread: tuple[int, int]
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
        server.ask("OPTIMIZE TABLE window_rows FINAL")
        size = float(server.ask(SIZE.format("window_rows"))[0][0])
        pairs, failing = (_took(server, statement) for statement in (PAIRS, FAILING))
    return Measured(
        *(engine_s, encoder_s, size, _attempts(), _spread()), *(pairs, failing)
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


def _attempts() -> Engine:
    """Insert an hour of some hosts, made and encoded before."""
    fleet = Fleet()
    hosts = [fleet.host(number) for number in range(SINGLE_HOSTS)]
    places = [ClickHouse("clickhouse://h/d", host=host.name) for host in hosts]
    begin = int(time.time()) // SINGLE_S * SINGLE_S - SINGLE_S
    with tempfile.TemporaryDirectory() as folder:
        body, number = b"", 0
        for second in range(begin, begin + SINGLE_S, SINGLE_EVERY_S):
            for host, place in zip(hosts, places, strict=True):
                events = [*host.attempts(second, SINGLE_EVERY_S)]
                body += zlib.decompress(place.single(events).body, WITH_HEADER)
            if len(body) >= FULL or second == begin + SINGLE_S - SINGLE_EVERY_S:
                Path(folder, f"{number:04}").write_bytes(body)
                body, number = b"", number + 1
        return inserted(Path(folder))


def _spread() -> tuple[int, int]:
    """Return how many of all hosts send in a second, of a minute: least and most."""
    now, counts = time.monotonic(), Counter[int]()
    for _ in range(HOSTS):
        sender = Sender("", Spool(""), lambda *_: 0)
        sender.wake(MINUTE)
        counts[int(sender.due - now)] += 1
    seconds = [counts[second] for second in range(MINUTE)]
    return min(seconds), max(seconds)


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
        least=measured.spread[0],
        most=measured.spread[1],
        attempts=measured.attempts.rows,
        single_hosts=SINGLE_HOSTS,
        single_s=SINGLE_S,
        attempts_s=measured.attempts.rows / measured.attempts.wall_s,
        attempts_cpu_s=measured.attempts.rows / measured.attempts.cpu_s,
        attempt_bytes=measured.attempts.bytes,
        pairs_ms=measured.pairs_s * 1000,
        failing_ms=measured.failing_s * 1000,
    )
