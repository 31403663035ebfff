"""How long questions to a history of 30 days take, and the verb history."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench.tool import TOOL
from tcpconnect.history import queries
from tcpconnect.history.file import (
    close_for_readers,
    open_for_reading,
    open_for_writing,
)
from tcpconnect.history.queries import Question, counted, time_of
from tcpconnect.history.schema import DAY, HOUR

if TYPE_CHECKING:
    import sqlite3

DAYS, PAIRS, PROGRAMS, DESTINATIONS = 30, 500, 60, 400
END = 1_764_417_600
BEGIN = END - DAYS * DAY
OUTCOMES = (("OK", "", 0), ("ECONNREFUSED", "closed", 1), ("ETIMEDOUT", "lost", 1))
FAILS_EACH = 12  # one pair of so many
PAIR = ("program", "destination", "dport")
NIGHT = 8 * HOUR
OF_PROGRAM = """program_id IN (
    SELECT program_id FROM programs WHERE program = :program0)"""
# Question: the most that it may take, in milliseconds; its statement; from when on.
ASKED = {
    "a program's night": (50, Question(PAIR, [OF_PROGRAM]), END - NIGHT),
    "what fails, of 30 days": (
        500,
        Question(PAIR, [queries.MAY_FAIL], queries.FAILING, "failed"),
        BEGIN,
    ),
    "what is new, of a day": (
        10,
        Question(PAIR, [queries.NEW_PAIRS], order="first"),
        END - DAY,
    ),
}
COMMANDS = {
    "tcpconnect history": (300, ()),
    "  --failing, of 30 days": (None, ("--failing", f"--since=@{BEGIN}")),
}
REPORT = """\
{rows} rows of {days} days in {size:.1f} MB, {each:.0f} bytes each; medians of {n}

                          milliseconds
{table}"""


def measure(rounds: int) -> tuple[dict[str, list[float]], int, int]:
    """Return the milliseconds of each round, the rows, and the bytes of the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "history.db")
        path.touch()
        with closing(open_for_writing(str(path))) as connection:
            rows = _fill(connection)
            close_for_readers(connection)
        took: dict[str, list[float]] = {name: [] for name in (*ASKED, *COMMANDS)}
        for _ in range(rounds):
            for name, (_, question, since) in ASKED.items():
                took[name].append(_statement(path, question, since))
            for name, (_, options) in COMMANDS.items():
                took[name].append(_command(path, options))
        return took, rows, path.stat().st_size


def report(measured: tuple[dict[str, list[float]], int, int]) -> str:
    """Return the lines of a table."""
    took, rows, size = measured
    most = {name: limit for name, (limit, *_) in (*ASKED.items(), *COMMANDS.items())}
    lines = []
    for name, found in took.items():
        target = f"   (at most {most[name]})" if most[name] else ""
        lines.append(f"{name:25} {median(found):12.1f}{target}\n")
    n = len(next(iter(took.values())))
    figures = {"size": size / 1e6, "each": size / rows, "n": n}
    return REPORT.format(rows=rows, days=DAYS, table="".join(lines), **figures)


def _fill(connection: sqlite3.Connection) -> int:
    """Put rows of an hour into a history; return how many."""
    many = connection.executemany
    connection.execute("BEGIN")
    many(
        "INSERT INTO programs VALUES (?, ?, '', ?, '', ?)",
        ((i, f"app{i}.service", f"app{i}.service", i % 5) for i in range(PROGRAMS)),
    )
    many(
        "INSERT INTO destinations VALUES (?, ?, 443, ?, ?)",
        ((i, f"host{i}.example", f"host{i}.example", "192.0.2.1") for i in _all()),
    )
    many("INSERT INTO outcomes VALUES (?, ?, ?, ?)", _numbered())
    pairs = [(i % PROGRAMS, i * 7919 % DESTINATIONS) for i in range(PAIRS)]
    rows = [
        (
            BEGIN + hour * HOUR,
            HOUR,
            *pair,
            outcome,
            7 + i % 90,
            900 + i,
            99,
            b"\x09\x05",
        )
        for hour in range(DAYS * DAY // HOUR)
        for i, pair in enumerate(pairs)
        for outcome in ((0, 1) if i % FAILS_EACH == 0 else (0,))
    ]
    many("INSERT OR IGNORE INTO windows VALUES (?,?,?,?,?,?,?,?,?,0,3)", rows)
    firsts = ((*pair, BEGIN + (i % DAYS) * DAY, END) for i, pair in enumerate(pairs))
    many("INSERT OR IGNORE INTO pairs VALUES (?, ?, ?, ?)", firsts)
    run = "INSERT INTO runs VALUES (1, 'h', 'b', '1', '', 1, ?, ?, ?)"
    connection.execute(run, (BEGIN, END, END))
    connection.execute("COMMIT")
    (kept,) = connection.execute("SELECT count(*) FROM windows").fetchone()
    return int(kept)


def _all() -> range:
    return range(DESTINATIONS)


def _numbered() -> list[tuple[object, ...]]:
    return [(i, *outcome) for i, outcome in enumerate(OUTCOMES)]


def _statement(path: Path, question: Question, since: int) -> float:
    values = {**time_of(since, END, HOUR), "least": 10, "program0": "app7.service"}
    with closing(open_for_reading(str(path))) as connection:
        began = time.perf_counter()
        found = connection.execute(counted(question), values).fetchall()
        took = time.perf_counter() - began
    if not found:
        raise RuntimeError(f"no answer to {question}")
    return took * 1000


def _command(path: Path, options: tuple[str, ...]) -> float:
    words = [str(TOOL), "history", "--db", str(path), f"--until=@{END}", *options]
    began = time.perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    sys.stdout.write(report(measure(3)))
