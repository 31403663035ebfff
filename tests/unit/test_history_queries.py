"""What is asked of a history, as SQL: right in SQLite."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect.history import queries
from tcpconnect.history.file import open_for_reading
from tcpconnect.history.queries import Question, counted, time_of
from tcpconnect.history.schema import DAY, HOUR
from tests.support.histories import CURL, NGINX, NOON, WEB, of_many_kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

PAIR = ("program", "destination", "dport")


@pytest.fixture(scope="module")
def filled() -> Iterator[str]:
    """Return a history of many kinds of rows."""
    with tempfile.TemporaryDirectory() as folder:
        yield of_many_kinds(Path(folder) / "history.db")


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
