"""The filters of a report: the pairs on the page are those that history shows."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from tcpconnect.options.history import CHOOSING, PROGRAMS
from tests.support import preloaded
from tests.support.asking import filled, rows
from tests.support.pages import Read

if TYPE_CHECKING:
    from pathlib import Path

# Options with how many pairs they let pass.
FILTERS = {
    "--program nginx,'cur*'": 3,
    "-u 1000": 1,
    "--container web": 1,
    "--not-container web": 3,
    "--pod 'web-*'": 1,
    "--unit x.scope": 1,
    "-P 5000-6000": 2,
    "--not-port 443,0": 1,
    "--to 10.0.0.0/8": 2,
    "--not-to 10.0.0.0/8": 3,
    "-4": 4,
    "-6": 1,
    "--failed": 3,
    "--results NXDOMAIN,etimedout": 2,
    "--result OK": 2,
    "--to-name '*.EXAMPLE'": 3,
    "-P 5432 --failed -4": 2,
}


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a history of two days."""
    folder: Path = tmp_path_factory.mktemp("filters")
    return filled(folder / "h.db")


def section(db: Path, *words: str) -> str:
    """Return the list of all pairs on the page that these words make."""
    page = preloaded.run("report", "--db", db, "--since", "-3h", *words)
    assert (page.returncode, page.stderr) == (0, "")
    return Read(page.stdout).sections["All pairs"]


@pytest.mark.parametrize("words", FILTERS)
def test_the_same_as_history(db: Path, words: str) -> None:
    """Each filter passes the same attempts in both."""
    options = shlex.split(words)
    shown = section(db, *options)
    found = rows("--since", "-3h", *options, db=db)
    assert len(found) == FILTERS[words]
    assert shown.startswith(f"{len(found)}, by program ")
    for row in found:
        port = f":{row['dport']}" if row["dport"] else ""
        counts = f"{row['attempts']} {row['failed']}"
        assert f" {row['destination']}{port} {counts} " in f"{shown} "
        assert row["program"] in shown


def test_every_filter_is_tried() -> None:
    """There is a case for each filter that a report takes."""
    tried = {word for words in FILTERS for word in words.split()}
    missing = [
        option.flags
        for option in (*PROGRAMS, *CHOOSING)
        if tried.isdisjoint(option.flags)
    ]
    assert missing == []
