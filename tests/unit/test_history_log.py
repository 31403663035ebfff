"""The log beside a history does not grow without end, whoever reads."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcpconnect.history import log, waiting
from tcpconnect.history.file import give_back
from tcpconnect.history.store import Run
from tcpconnect.history.terms import Terms
from tests.support.histories import NOON, new_store
from tests.support.timed import Recorder, said_until
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    import pytest

LEAST = Terms(max_size=1 << 20)
HELD = "another process holds it in one long transaction; attempts wait in memory"


def size_of(path: Path) -> int:
    """Return how many bytes a history and its log have."""
    return sum(each.stat().st_size for each in (path, Path(f"{path}-wal")))


def some(minute: int) -> list[str]:
    """Return addresses that no other minute has."""
    return [f"10.{minute >> 8}.{minute & 255}.{n}" for n in range(40)]


def test_a_reader_that_never_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    """Windows wait, one line says so, and all are there when it has ended."""
    monkeypatch.setattr("tcpconnect.history.file.WRITERS_PATIENCE_S", 0.01)
    recorder = Recorder(tmp_path / "h.db", monkeypatch, LEAST)
    wait_until(lambda: recorder.ask("SELECT * FROM runs"), "a run")
    uri = f"file:{recorder.path}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM runs").fetchall()
        for minute in range(60):
            recorder.connects(*some(minute))
            recorder.passes(60)
            assert size_of(recorder.path) <= LEAST.max_size
        said = said_until(capfd, HELD)
        reader.execute("ROLLBACK")
    recorder.close()
    assert (said + capfd.readouterr().err).count("can't write the history") == 1
    (lost,) = recorder.ask("SELECT coalesce(sum(lost), 0) FROM losses")[0]
    assert recorder.kept() + lost == 60 * 40
    assert recorder.covered(recorder.now - 60 * 60, recorder.now - 120).gaps == []
    assert recorder.path.stat().st_size <= LEAST.max_size


def test_what_does_not_fit_meanwhile_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the file, when the reader has ended."""
    monkeypatch.setattr("tcpconnect.history.file.WRITERS_PATIENCE_S", 0.01)
    monkeypatch.setattr(waiting, "MOST", 100)
    monkeypatch.setattr("tcpconnect.history.log.MOST", 1)
    recorder = Recorder(tmp_path / "h.db", monkeypatch)
    wait_until(lambda: recorder.ask("SELECT * FROM runs"), "a run")
    with closing(sqlite3.connect(recorder.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM runs").fetchall()
        for day in range(8):
            recorder.connects(*some(day))
            recorder.passes(24 * 3600)
    recorder.close()
    (lost,) = recorder.ask("SELECT sum(lost) FROM losses WHERE reason = 'waiting'")[0]
    assert lost >= 80
    assert recorder.kept() + lost == 320


def test_what_is_free_is_given_back(tmp_path: Path) -> None:
    """All of it: the file becomes shorter."""
    path = tmp_path / "h.db"
    store = new_store(path, Run(started=NOON))
    store.connection.execute("CREATE TABLE more AS SELECT zeroblob(1000000) AS x")
    store.connection.execute("DROP TABLE more")
    log.empty(store)
    assert path.stat().st_size > 1_000_000
    give_back(store.connection)
    log.empty(store)
    assert path.stat().st_size < 100_000
    store.close(NOON)
