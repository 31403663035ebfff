"""How many recorded attempts are decoded a second, and shown by the verb replay."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from bench.tool import TOOL
from tcpconnect.batch import NO_LOSSES, Batch, Totals
from tcpconnect.connection import MEMBERS, Connection
from tcpconnect.image import Image, Place
from tcpconnect.outputs.packed import PackedRecording
from tcpconnect.outputs.recording import Recording as Output
from tcpconnect.recorded import SCHEMA, About
from tcpconnect.sources.recording import Recording
from tcpconnect.view import Display

EVENTS, BATCH, PROGRAMS, DESTINATIONS = 300_000, 1000, 50, 2000
BEGAN = 1_700_000_000 * 10**9
TARGET = 300_000
# What is measured: the suffix of the file, and the options of replay.
SHOWN = {
    "table": (".jsonl", ()),
    "-rj": (".jsonl", ("-rj",)),
    "-r csv": (".jsonl", ("-r", "--format", "csv")),
    "-cr": (".jsonl", ("-cr",)),
    "--failed --to": (".jsonl", ("--failed", "--to", "10.0.0.0/8")),
    "table, of .zst": (".jsonl.zst", ()),
}
DECODED = {"decoded": ".jsonl", "decoded, of .zst": ".jsonl.zst"}
REPORT = """\
a recording of {events} attempts of all columns: {plain:.0f} bytes each, {packed:.0f} as
.jsonl.zst; medians of {n} rounds, to /dev/null

                  events/s of CPU
{rows}"""


def measure(rounds: int) -> tuple[dict[str, list[float]], tuple[float, float]]:
    """Return events a second of CPU in each round, and the bytes of an event."""
    rates: dict[str, list[float]] = {name: [] for name in (*DECODED, *SHOWN)}
    with tempfile.TemporaryDirectory() as folder:
        paths = {suffix: Path(folder, f"a{suffix}") for suffix in DECODED.values()}
        for path in paths.values():
            _record(path)
        plain, packed = (path.stat().st_size / EVENTS for path in paths.values())
        for _ in range(rounds):
            for name, suffix in DECODED.items():
                rates[name].append(_decode(paths[suffix]))
            for name, (suffix, options) in SHOWN.items():
                rates[name].append(_replay(paths[suffix], options))
    return rates, (plain, packed)


def report(measured: tuple[dict[str, list[float]], tuple[float, float]]) -> str:
    """Return the lines of a table."""
    rates, (plain, packed) = measured
    rows = [f"{name:17} {median(found):15.0f}" for name, found in rates.items()]
    rows[0] += f"   (at least {TARGET})"
    n, text = len(rates["decoded"]), "".join(f"{row}\n" for row in rows)
    return REPORT.format(events=EVENTS, plain=plain, packed=packed, n=n, rows=text)


def some_event(n: int) -> Connection:
    """Return one of many attempts, of some programs to many destinations."""
    program, destination = n % PROGRAMS, n * 7919 % DESTINATIONS
    place = Place(
        cgroup=f"/system.slice/app{program}.service", unit=f"app{program}.service"
    )
    failed = n % 10 == 0
    return Connection(
        elapsed_s=n / 1000,
        time=BEGAN + n * 1_000_000 + n * 7 % 1000,
        uid=1000 + program,
        pid=1000 + program,
        tid=1000 + program,
        comm=f"app{program}",
        ip=4,
        saddr="10.1.0.1",
        lport=32768 + n % 28000,
        daddr=f"10.{destination % 2}.{destination // 250}.{destination % 250}",
        dport=443,
        netns=4026531840,
        cgroup_id=5000 + program,
        monotonic_ns=0,
        latency_ms=n * 31 % 5000 / 1000,
        result="ECONNREFUSED" if failed else "OK",
        why="RST" if failed else None,
        syns=1,
        query=f"host{destination}.example",
        query_source="dns",
        query_scope="process",
        query_age_ms=n % 700 / 1000,
        image=Image(f"/usr/bin/app{program}", f"app{program} --serve", place),
        asked=f"10.{destination % 2}.{destination // 250}.{destination % 250}",
        asked_port=443,
    )


def _record(path: Path) -> None:
    about = About(version="0", host="bench", options=["-rd"], schema=SCHEMA)
    kind = PackedRecording if path.suffix == ".zst" else Output
    output = kind(str(path), Display("json", [*MEMBERS.values()], recorded=True), about)
    output.open()
    for begin in range(0, EVENTS, BATCH):
        events = [some_event(n) for n in range(begin, begin + BATCH)]
        output.write(Batch(events, NO_LOSSES, [], 0))
    output.close(Totals(EVENTS, NO_LOSSES))


def _decode(path: Path) -> float:
    with path.open("rb") as file, Recording(file.fileno(), path.name) as source:
        began = time.process_time()
        events = sum(len(batch.events) for batch in source.batches())
        return events / (time.process_time() - began)


def _replay(path: Path, options: tuple[str, ...]) -> float:
    """Run it to its end; its start counts, too."""
    words = [str(TOOL), "replay", str(path), *options]
    null = os.open(os.devnull, os.O_WRONLY)
    pid = os.posix_spawn(
        words[0],
        words,
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, null, number) for number in (1, 2)],
    )
    os.close(null)
    _, status, used = os.wait4(pid, 0)
    if status:
        raise RuntimeError(f"{words} ended with {status}")
    return EVENTS / (used.ru_utime + used.ru_stime)


if __name__ == "__main__":
    sys.stdout.write(report(measure(1)))
