"""A program that scans: what it takes in each place, of memory, rows, series and disk.

The tool replays a recording of it, to remote places that are not there.
"""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.memory import memory_mb as memory
from bench.tool import TOOL
from tcpconnect.connection import Connection
from tcpconnect.history.spread import MOST
from tcpconnect.image import Image
from tcpconnect.metrics.ledger import LINES, MAX_SERIES, Ledger
from tcpconnect.outputs.remote import MAX_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator

FEW, MANY = 100_000, 1_000_000  # addresses
RATE = 10_000  # recorded attempts a second
SPOOL_MB = 20
# Rows of a minute: addresses, networks, and all others.
MOST_ROWS = 2 * MOST + 1
REMOTE = ("otlp+http", "clickhouse", "postgresql")
NOWHERE = "127.0.0.1:1"
LINE = (
    '{{"time":"2026-01-01T00:{:02}:{:02}.{:04}00Z","pid":7,"comm":"nmap","daddr":"{}",'
    '"dport":443,"result":"ECONNREFUSED","latency_ms":0.1}}\n'
)
DROPPED = r"in total, (\d+) attempts not sent one by one to {}:"
HISTORY = """
SELECT max(n), sum(attempts)
FROM (SELECT count(*) AS n, sum(attempts) AS attempts FROM windows GROUP BY time)"""
REPORT = """\
a scan of {many:,} addresses in {seconds:.0f} s, to sqlite:, otlp+http://, clickhouse://,
postgresql:// with ?events=all, none of which is there, and --max-spool {spool}M

                        rows a minute   on disk, MB   attempts missing
{rows}
memory, MB              {memory:8.1f}; of {few:,} addresses {before:.1f}
series of prometheus:// {series:8} (at most {most_series}), attempts missing {uncounted}
"""
ROW = "{name:20} {rows:16,} {size:13.1f} {missing:18}"


class Kept(NamedTuple):
    """What a place keeps: the most rows of a minute, bytes, attempts missing."""

    rows: int
    size: int
    missing: int


class Scanned(NamedTuple):
    """What a scan took; memory in MB."""

    memory_mb: float
    places: dict[str, Kept]
    series: int
    uncounted: int


def scanned(addresses: int, folder: Path) -> Scanned:
    """Replay a scan of so many addresses into all places; a folder keeps them."""
    recording, history, spool = (folder / n for n in ("a.jsonl", "h.db", "spool"))
    with recording.open("w", encoding="ascii") as file:
        file.writelines(_lines(addresses))
    places = [f"sqlite:{history}"]
    places += [f"{scheme}://{NOWHERE}?events=all" for scheme in REMOTE]
    words = [word for place in places for word in ("-o", place)]
    words += ["--spool", str(spool), "--max-spool", f"{SPOOL_MB}M"]
    memory, said = _run([TOOL, "replay", "--quiet", str(recording), *words])
    kept = {"sqlite": _of_history(history, addresses)}
    for scheme in REMOTE:
        (dropped,) = re.findall(DROPPED.format(re.escape(scheme) + ".*"), said) or [0]
        (directory,) = spool.glob(f"{scheme.replace('+', '-')}-*")
        kept[scheme] = _of_spool(directory, addresses, int(dropped))
    return Scanned(memory, kept, *_series(addresses))


def _lines(addresses: int) -> Iterator[str]:
    for n in range(addresses):
        minute, second = divmod(n // RATE, 60)
        yield LINE.format(minute, second, n % RATE, address(n))


def address(n: int) -> str:
    """Return one of 16 million addresses."""
    return f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"


def _run(argv: list[str]) -> tuple[float, str]:
    """Return the most MB of memory that a program has had, and what it said.

    That in rusage is at least what whoever starts it has.
    """
    environment, memory_mb = os.environ | {"no_proxy": "*"}, 0.0
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(argv, stderr=said, env=environment) as process:
            while process.poll() is None:
                with suppress(OSError, KeyError):  # it has ended
                    memory_mb = max(memory_mb, memory(process.pid)[1])
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.1)
        said.seek(0)
        text = said.read().decode()
    if process.returncode:
        raise RuntimeError(f"the tool failed: {text}")
    return memory_mb, text


def _of_history(path: Path, made: int) -> Kept:
    with closing(sqlite3.connect(path)) as kept:
        rows, attempts = kept.execute(HISTORY).fetchone()
    return Kept(rows, path.stat().st_size, made - attempts)


def _of_spool(directory: Path, made: int, dropped: int) -> Kept:
    """Count by the names of blocks: those of a minute come one after the other."""
    blocks = [path.name.split("-") for path in sorted(directory.glob("*-*"))]
    attempts = {"windows": 0, "single": 0}
    most = rows = 0
    for _, _, kind, n, some, _ in blocks:
        if kind in attempts:
            attempts[kind] += int(some)
        if kind == "windows":
            rows += int(n)
            most = max(most, rows)
        if kind == "windows" and int(n) < MAX_ROWS:  # the last one of a minute
            rows = 0
    missing = abs(made - attempts["windows"])
    missing += abs(made - attempts["single"] - dropped)
    return Kept(most, sum(x.stat().st_size for x in directory.iterdir()), missing)


def _series(made: int) -> tuple[int, int]:
    """Return how many series a page has, and how many attempts it lacks."""
    ledger, image = Ledger(), Image(exe="/usr/bin/nmap")
    for n in range(made):
        event = Connection(0, 0, 0, 1, 1, "nmap", 4, "", 0, address(n), 443, 0, 0, 0)
        event.image, event.result, event.latency_ms = image, "ECONNREFUSED", 0.1
        ledger.add([event], n / RATE)
    ledger.page()
    page = ledger.page()  # new series are 0 first
    series = len(page.counts) + LINES * len(page.durations)
    return series, made - sum(n for _, n in page.counts)


def measure(_rounds: int) -> tuple[Scanned, Scanned]:
    """Scan few addresses, then many."""
    found = []
    for addresses in (FEW, MANY):
        with tempfile.TemporaryDirectory() as folder:
            found.append(scanned(addresses, Path(folder)))
    return found[0], found[1]


def report(measured: tuple[Scanned, Scanned]) -> str:
    """Return the figures as lines."""
    few, many = measured
    rows = [
        ROW.format(
            name=name, rows=kept.rows, size=kept.size / 1e6, missing=kept.missing
        )
        for name, kept in many.places.items()
    ]
    rows[0] += f"   (at most {MOST_ROWS:,}, 0)"
    return REPORT.format(
        many=MANY,
        few=FEW,
        seconds=MANY / RATE,
        spool=SPOOL_MB,
        rows="\n".join(rows),
        memory=many.memory_mb,
        before=few.memory_mb,
        series=many.series,
        most_series=MAX_SERIES,
        uncounted=many.uncounted,
    )
