"""What ``tcpconnect record`` costs with every place of ``-o`` at once."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import tempfile
import time
from contextlib import ExitStack, closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.generator import NETWORK, PORTS, Generator, Made, Order
from bench.metrics import Reader, counted_on
from bench.record import OURS
from bench.tool import Tool
from tcpconnect.zstd import library
from tests.support import clickhouse, postgresql
from tests.support.ports import hold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RATE, SECONDS, WORKERS = 10_000.0, 30.0, 1
SPOOLED_S, SENT_S = 1.0, 90.0  # within which windows are spooled, and are sent
TARGET = 35
ENVIRONMENT = {
    "CLICKHOUSE_USER": clickhouse.USER,
    "CLICKHOUSE_PASSWORD": clickhouse.PASSWORD,
    "PGUSER": postgresql.USER,
    "PGPASSWORD": postgresql.PASSWORD,
    "no_proxy": "*",
}
WINDOWS = "SELECT sum(attempts)::bigint FROM window_rows WHERE address LIKE '{}%'"
SINGLE = {
    "clickhouse": "SELECT count(*) FROM attempts WHERE daddr LIKE '{}%'",
    "postgresql": "SELECT count(*) FROM attempts WHERE attempt->>'daddr' LIKE '{}%'",
}
REPORT = """\
tcpconnect record, {rate:.0f} attempts/s for {seconds:.0f} s, to .jsonl.zst, sqlite:,
prometheus://, otlp+http://, clickhouse:// and postgresql:// at once; CPU of the tool
only, until all is sent; medians of {n} rounds

                        % of a core     MB   missing of {made} in all places
-r alone                   {alone}
record                     {windows}   (at most {target} %, 0)
record, ?events=all        {single}
"""
ROW = "{cpu:8.1f} {memory:6.1f} {missing:9}"


class Run(NamedTuple):
    """A share of a core; memory in MB; attempts made, and those that places lack."""

    cpu: float
    memory_mb: float
    made: int
    missing: dict[str, int]


class Sample(NamedTuple):
    """One round."""

    alone: Run
    windows: Run
    single: Run


class Collector:
    """Takes what is sent to a collector, and keeps it packed."""

    def __init__(self) -> None:
        self.bodies = bodies = list[bytes]()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"otlp+http://127.0.0.1:{self.server.server_port}"

    def counted(self) -> tuple[int, int]:
        """Return how many attempts windows have, and how many are records."""
        windows = single = 0
        for body in self.bodies:
            for resource in json.loads(gzip.decompress(body))["resourceLogs"]:
                for record in resource["scopeLogs"][0]["logRecords"]:
                    values = _values(record)
                    if not values.get("network.peer.address", "").startswith(NETWORK):
                        continue
                    if record["eventName"] == "tcpconnect.window":
                        windows += int(values["tcpconnect.attempts"])
                    else:
                        single += 1
        return windows, single


def _values(record: dict[str, Any]) -> dict[str, str]:
    return {a["key"]: next(iter(a["value"].values())) for a in record["attributes"]}


@contextmanager
def collector() -> Iterator[Collector]:
    """Serve as one."""
    made = Collector()
    thread = Thread(target=made.server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()


class Places:
    """A folder for the files, and the servers."""

    def __init__(
        self,
        folder: Path,
        collector: Collector,
        column_store: clickhouse.ClickHouse,
        row_store: postgresql.PostgreSQL,
    ) -> None:
        self.recording = folder / "recording.jsonl.zst"
        self.history = folder / "history.db"
        self.spool = folder / "spool"
        self._held = hold()
        self.port: int = self._held.getsockname()[1]
        self.collector = collector
        self.databases: dict[str, clickhouse.ClickHouse | postgresql.PostgreSQL]
        self.databases = {"clickhouse": column_store, "postgresql": row_store}

    def words(self, asked: str) -> list[str]:
        """Return the options of all places."""
        urls = [self.collector.url, *(each.url for each in self.databases.values())]
        places = [
            str(self.recording),
            f"sqlite:{self.history}",
            f"prometheus://{self.port}",
            *(f"{url}{asked}" for url in urls),
        ]
        words = [word for place in places for word in ("-o", place)]
        return ["record", "-P", PORTS, *words, "--spool", str(self.spool)]

    def flush(self, tool: Tool) -> None:
        """Have all sent, also the window that has not ended."""
        tool.flush()
        time.sleep(SPOOLED_S)
        end = time.monotonic() + SENT_S
        while any(self.spool.glob("*/*-*")) and time.monotonic() < end:
            time.sleep(0.05)

    def missing(self, made: int, page: str, *, single: bool) -> dict[str, int]:
        """Return how many attempts each lacks, by what it has itself."""
        with closing(sqlite3.connect(self.history)) as kept:
            (ours,) = kept.execute(OURS, (f"{NETWORK}%",)).fetchone()
        windows, records = self.collector.counted()
        shown = {
            "recording": self._recorded(),
            "sqlite": int(ours or 0),
            "prometheus": counted_on(page),
            "collector": windows,
            **{n: _ask(s, WINDOWS) for n, s in self.databases.items()},
        }
        if single:
            shown["collector, single"] = records
            for name, server in self.databases.items():
                shown[f"{name}, single"] = _ask(server, SINGLE[name])
        return {name: made - n for name, n in shown.items() if n != made}

    def _recorded(self) -> int:
        text: bytes = library().decompress(self.recording.read_bytes())
        return sum(f'"daddr":"{NETWORK}'.encode() in x for x in text.splitlines())

    def empty(self) -> None:
        """Forget what the last run has sent."""
        self.history.unlink()
        self.collector.bodies.clear()
        for server in self.databases.values():
            for table in ("window_rows", "attempts"):
                server.delete(table, "1 = 1")


def _ask(server: Any, statement: str) -> int:
    ((n,),) = server.ask(statement.format(NETWORK))
    return int(n or 0)


def measure(rounds: int) -> list[Sample]:
    """Measure so many times."""
    os.environ |= ENVIRONMENT
    with ExitStack() as stack:
        generator = stack.enter_context(Generator(WORKERS))
        folders = [
            Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(3)
        ]
        places = Places(
            folders[0],
            stack.enter_context(collector()),
            stack.enter_context(clickhouse.serve_clickhouse(folders[1])),
            stack.enter_context(postgresql.serve_postgresql(folders[2])),
        )
        return [_once(generator, folders[0], places) for _ in range(rounds)]


def _once(generator: Generator, folder: Path, places: Places) -> Sample:
    with Tool(("-r", "-P", PORTS), folder / "out") as tool:
        made, cpu, memory = _loaded(generator, tool, lambda: None)
        missing = tool.stop()
    alone = Run(cpu, memory, made.connects, {"": missing} if missing else {})
    runs = [_run(generator, folder, places, asked) for asked in ("", "?events=all")]
    return Sample(alone, *runs)


def _run(generator: Generator, folder: Path, places: Places, asked: str) -> Run:
    with Tool(places.words(asked), folder / "out") as tool:
        reader = Reader(places.port)
        reader.start()
        made, cpu, memory = _loaded(generator, tool, lambda: places.flush(tool))
        time.sleep(1.0)  # a page is made once in a second
        page = reader.read()
        reader.stop()
        tool.stop()
    missing = places.missing(made.connects, page, single=bool(asked))
    places.empty()
    return Run(cpu, memory, made.connects, missing)


def _loaded(
    generator: Generator, tool: Tool, flush: Callable[[], None]
) -> tuple[Made, float, float]:
    """Return what was made, the share of a core, and MB."""
    tool.wait_still()
    before = tool.cpu()
    order = Order(round(RATE * SECONDS), rate=RATE, seconds=2 * SECONDS)
    made = generator.make(order)
    flush()
    tool.wait_still()
    spent = tool.cpu().all_s - before.all_s
    now, _ = tool.memory_mb()
    return made, spent / made.wall_s, now


def report(samples: list[Sample]) -> str:
    """Return the lines of a table."""
    rows = {}
    for name in Sample._fields:
        runs: list[Run] = [getattr(sample, name) for sample in samples]
        missing: dict[str, int] = {}
        for run in runs:
            for place, n in run.missing.items():
                missing[place] = missing.get(place, 0) + n
        rows[name] = ROW.format(
            cpu=100 * median(run.cpu for run in runs),
            memory=median(run.memory_mb for run in runs),
            missing=", ".join(f"{n} {place}" for place, n in missing.items()) or 0,
        )
    made = sum(sample.windows.made for sample in samples)
    return REPORT.format(
        rate=RATE, seconds=SECONDS, n=len(samples), target=TARGET, made=made, **rows
    )
