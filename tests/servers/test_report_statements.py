"""What a report asks: the same in every database."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect.history.file import open_for_reading
from tcpconnect.history.queries import FAILED, time_of
from tcpconnect.history.rows import Program
from tcpconnect.history.schema import DAY, HOUR
from tcpconnect.report import statements
from tests.support import engines
from tests.support.histories import NOON, attempts, history

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def asked() -> Iterator[tuple[str, dict[str, int | str]]]:
    """Yield the statements with their values, and some with a condition."""
    texts = (
        statements.HOST,
        statements.COARSEST,
        statements.PAIRS,
        statements.NEW,
        statements.BINS,
        statements.FAILING,
        statements.ALERTS,
    )
    for since in (NOON - HOUR, NOON - 3 * DAY, NOON + 2 * HOUR):
        values = {**time_of(since, NOON + HOUR), "step": 600}
        for text in texts:
            yield text, values
            yield text.replace(statements.CONDITION, f"\n    AND {FAILED}"), values


@pytest.mark.parametrize("engine", engines.ENGINES)
def test_engines(tmp_path: Path, engine: Callable[..., Any]) -> None:
    """Every statement has the same rows as in SQLite."""
    bad: dict[str, Any] = {"result": "ETIMEDOUT", "why": "no answer"}
    file = history(
        tmp_path / "h.db",
        *(attempts("a", "it's", time=NOON + n * 60, count=n + 1) for n in range(9)),
        *(attempts("a", "it's", time=NOON + n * 60, **bad) for n in (2, 3, 8)),
        attempts(Program("a", uid=1), "b", time=NOON - 2 * DAY, span=HOUR, **bad),
        attempts(Program("a", uid=2), "b", **bad),
        attempts("c", "192.0.2.1", 80),
        runs=[(NOON - 3 * DAY, NOON + HOUR)],
    )
    with closing(open_for_reading(file)) as connection:
        with (
            tempfile.TemporaryDirectory() as folder,
            engine(connection, Path(folder)) as ask,
        ):
            questions = [*asked()]
            answers = ask(questions)
        for (text, values), theirs in zip(questions, answers, strict=True):
            ours = connection.execute(text, values)
            # The greatest of no rows is 0 in ClickHouse.
            expected = sorted(str([x or 0 for x in row]) for row in ours)
            assert sorted(str([x or 0 for x in r]) for r in theirs) == expected, text
