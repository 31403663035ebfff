"""The answers of history on a terminal: what a question is about is always there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.asking import filled, on_terminal

if TYPE_CHECKING:
    from pathlib import Path

PAIR = "PROGRAM DESTINATION RPORT"


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a history of two days, without gaps."""
    folder: Path = tmp_path_factory.mktemp("table")
    return filled(folder / "h.db")


@pytest.mark.parametrize(
    ("words", "columns", "expected"),
    [
        ("", 80, f"{PAIR} ATTEMPTS FAILED RESULT WHY"),
        ("", 120, f"{PAIR} ATTEMPTS FAILED LAT(ms) MAX-LAT(ms) RESULT WHY LAST"),
        ("--failing", 80, f"{PAIR} ATTEMPTS FAILED RESULT WHY"),
        ("--failing", 100, f"{PAIR} ATTEMPTS FAILED RESULT WHY LAST"),
        ("--slow", 80, f"{PAIR} ATTEMPTS LAT(ms) MAX-LAT(ms) LAST"),
        ("--slow", 60, f"{PAIR} ATTEMPTS LAT(ms)"),
        ("--new", 80, f"{PAIR} FIRST ATTEMPTS FAILED RESULT"),
        ("--by unit,uid,pod", 80, "UNIT UID POD ATTEMPTS FAILED RESULT WHY"),
        (
            "--slow --by unit,result",
            80,
            "UNIT RESULT ATTEMPTS LAT(ms) MAX-LAT(ms) LAST",
        ),
    ],
)
def test_columns(db: Path, words: str, columns: int, expected: str) -> None:
    """Columns that matter less give way."""
    head, *lines = on_terminal(
        *words.split(), "--color", "never", db=db, columns=columns
    )
    assert " ".join(head.split()) == expected
    assert all(len(line) <= columns for line in (head, *lines))
