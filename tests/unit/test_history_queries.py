"""What is asked of a history, as SQL: right in SQLite, and the same in others."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect.history import queries
from tcpconnect.history.file import open_for_reading
from tcpconnect.history.queries import Question, counted, time_of, with_values
from tcpconnect.history.rows import Program
from tcpconnect.history.schema import DAY, HOUR
from tests.support import engines
from tests.support.histories import NOON, attempts, history

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAIR = ("program", "destination", "dport")
NGINX, CURL = "/usr/sbin/nginx", "/usr/bin/curl"
WEB = Program("shop/web", "web", "crio.scope", "shop/web", 1000)
EARLY = NOON - 30 * DAY


@pytest.fixture(scope="module")
def filled() -> Iterator[str]:
    """Return a history of many kinds of rows."""
    with tempfile.TemporaryDirectory() as folder:
        yield history(
            Path(folder) / "history.db",
            attempts(NGINX, "api.example", count=20),
            attempts(
                NGINX, "api.example", count=30, result="ECONNREFUSED", why="closed"
            ),
            attempts(NGINX, "api.example", count=5, result="ETIMEDOUT", why="lost"),
            attempts(NGINX, "db.example", 5432, time=NOON - 2 * HOUR, latency_ms=4.5),
            attempts(
                *(CURL, "nowhere.example", 0),
                count=9,
                result="NXDOMAIN",
                latency_ms=None,
            ),
            attempts(CURL, "it's.example", time=EARLY, span=DAY, count=1000),
            attempts(CURL, "api.example", time=NOON - 2 * DAY, span=HOUR, count=100),
            attempts(CURL, "api.example", count=3),
            attempts(WEB, "10.2.3.0/24", 6379, count=12, result="ABORTED"),
            runs=[(EARLY, NOON + HOUR)],
        )


def ask(path: str, question: Question, since: int, **more: int | str) -> list[Any]:
    """Return what SQLite answers about the time until noon's next minute."""
    with closing(open_for_reading(path)) as connection:
        values = {**time_of(since, NOON + 60), **more}
        return list(connection.execute(counted(question), values))


def test_group(filled: str) -> None:
    """A group has its counts, its commonest failure, its times and its latency."""
    (first, *_) = ask(filled, Question(PAIR), NOON - HOUR)
    by, failure = (NGINX, "api.example", 443), ("ECONNREFUSED", "closed")
    assert first == (*by, *failure, 55, 35, 55, 55_000, 1000, NOON, NOON)


def test_row_that_overlaps(filled: str) -> None:
    """A row of a day or of an hour that overlaps the time counts as a whole."""
    found = ask(filled, Question(("program",)), NOON - 30 * DAY + HOUR)
    sums = [(CURL, 1112), (NGINX, 56), (WEB[0], 12)]
    assert [(row[0], row[3]) for row in found] == sums
    assert ask(filled, Question(("uid",)), NOON + 1)[0][3] == 67


def test_new(filled: str) -> None:
    """What a program reaches for the first time is new, whatever others reached."""
    question = Question(PAIR, [queries.NEW_PAIRS], order="first")
    found = ask(filled, question, NOON - DAY)
    assert sorted(row[:3] for row in found) == [
        (CURL, "nowhere.example", 0),
        (NGINX, "api.example", 443),
        (NGINX, "db.example", 5432),
        (WEB[0], "10.2.3.0/24", 6379),
    ]


def test_failing(filled: str) -> None:
    """Ten attempts and half of them failed, or were given up."""
    question = Question(PAIR, [queries.MAY_FAIL], queries.FAILING, "failed")
    found = ask(filled, question, NOON - HOUR, least=10)
    assert [row[:3] for row in found] == [
        (NGINX, "api.example", 443),
        (WEB[0], "10.2.3.0/24", 6379),
    ]
    assert len(ask(filled, question, NOON - HOUR, least=9)) == 3


def every_question() -> Iterator[tuple[str, dict[str, int | str]]]:
    """Yield statements of each kind, with their values."""
    asked = time_of(EARLY + 100, NOON + 60)
    program = (
        "program_id IN (SELECT program_id FROM programs WHERE program = :program0)"
    )
    for name in queries.GROUPS:
        yield counted(Question((name,))), asked
    for order in (*queries.ORDERS, "destination"):
        yield counted(Question((*PAIR, "uid"), order=order, limit=4)), asked
    for failing in ([], [queries.MAY_FAIL]):
        text = counted(Question(PAIR, failing, queries.FAILING, "failed"))
        yield text, {**asked, "least": 10}
    for since in (NOON - DAY, NOON + 1):
        yield counted(Question(PAIR, [queries.NEW_PAIRS])), time_of(since, NOON + 60)
    for condition in (queries.FAILED, queries.SUCCEEDED, "1 = 0"):
        yield counted(Question(("program", "hour"), [condition])), asked
    for name in (NGINX, "it's", "a\\'b", "x:y"):
        yield counted(Question(PAIR, [program])), {**asked, "program0": name}
    yield queries.COARSE, asked
    for limit in (None, 2):
        yield queries.alerts(["dport IN (:dport0)"], limit), {**asked, "dport0": 443}
        yield queries.alerts(limit=limit), asked
    yield queries.OF_ALERTS, {}
    for text in (queries.PROGRAMS, queries.DESTINATIONS, queries.RUNS):
        yield text, {}
    for text in (queries.ROWS, queries.COARSEST):
        yield text, {}


@pytest.mark.parametrize("engine", engines.ENGINES)
def test_engines(filled: str, engine: Callable[..., Any]) -> None:
    """Every statement has the same answer in PostgreSQL and in ClickHouse."""
    with closing(open_for_reading(filled)) as connection:
        with (
            tempfile.TemporaryDirectory() as folder,
            engine(connection, Path(folder)) as asked,
        ):
            questions = [*every_question()]
            answers = asked(questions)
        for (statement, values), theirs in zip(questions, answers, strict=True):
            ours = [list(row) for row in connection.execute(statement, values)]
            assert theirs == ours, statement


@pytest.mark.skipif(not shutil.which("sqlite3"), reason="needs sqlite3")
def test_shell(filled: str) -> None:
    """A statement with its values runs in the shell of sqlite3."""
    for statement, values in itertools.islice(every_question(), 60):
        text = with_values(statement, values)
        argv = ["sqlite3", "-readonly", "-bail", filled]
        done = subprocess.run(
            argv, input=text + ";", capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
