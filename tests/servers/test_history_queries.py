"""What is asked of a history, as SQL: the same in every database, and in the shell."""

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
from tcpconnect.history.schema import DAY
from tests.support import engines
from tests.support.histories import EARLY, NGINX, NOON, of_many_kinds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAIR = ("program", "destination", "dport")


@pytest.fixture(scope="module")
def filled() -> Iterator[str]:
    """Return a history of many kinds of rows."""
    with tempfile.TemporaryDirectory() as folder:
        yield of_many_kinds(Path(folder) / "history.db")


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


@pytest.mark.packages
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
