"""The writer of a history: what it can't write waits, and no file confuses it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect.batch import NO_LOSSES, Losses, Totals
from tcpconnect.errors import OutputError
from tcpconnect.history import waiting as waitings
from tcpconnect.history.coverage import Gap
from tcpconnect.history.file import open_for_reading
from tcpconnect.history.rows import Program
from tcpconnect.history.schema import HOUR, MINUTE
from tcpconnect.history.waiting import Waiting
from tcpconnect.outputs.sqlite import Sqlite
from tests.support.histories import NOON, attempts
from tests.support.timed import Recorder, said_until
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Return a recorder that is ready."""
    monkeypatch.setattr("tcpconnect.history.file.WRITERS_PATIENCE_S", 0.01)
    recorder = Recorder(tmp_path / "h.db", monkeypatch)
    wait_until(lambda: recorder.ask("SELECT * FROM runs"), "a run")
    return recorder


def test_windows_are_written_as_they_end(recorder: Recorder) -> None:
    """In the row of their minute; the file is alone at the end."""
    for _ in range(9):
        recorder.batch(5)
        recorder.passes()
    recorder.batch(1)
    wait_until(recorder.has_kept(45), "nine windows")
    recorder.close()
    rows = "SELECT time, span, attempts FROM windows"
    assert recorder.ask(rows) == [(NOON, MINUTE, 30), (NOON + 60, MINUTE, 16)]
    assert recorder.covered(NOON, NOON + 90)
    assert [each.name for each in recorder.path.parent.iterdir()] == ["h.db"]


def test_losses_are_kept_once(recorder: Recorder) -> None:
    """What was lost since the window before, in its minute."""
    recorder.batch(1, Losses(ring=3))
    recorder.passes(60)
    recorder.batch(1, Losses(ring=3))
    recorder.passes()
    recorder.batch(1, Losses(ring=5, missed=1))
    recorder.output.close(Totals(3, Losses(ring=6, missed=1)))
    losses = "SELECT time, reason, lost FROM losses ORDER BY time, reason"
    assert recorder.ask(losses) == [
        (NOON, "ring", 3),
        (NOON + 60, "missed", 1),
        (NOON + 60, "ring", 3),
    ]


def test_flush(recorder: Recorder) -> None:
    """The window is written although it has not ended, with what is read later."""
    recorder.batch(5)
    recorder.output.flush()
    recorder.batch(1)
    wait_until(recorder.has_kept(6), "the window")
    recorder.batch(2)
    wait_until(recorder.has_kept(8), "what the batch before did not have")
    recorder.batch(3)
    recorder.close()
    assert recorder.kept() == 11


def test_a_lock_makes_windows_wait(recorder: Recorder, capfd: Any) -> None:
    """It says so once; they are written when the lock is gone, in their minutes."""
    with closing(sqlite3.connect(recorder.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(5):
            recorder.batch(2)
            recorder.passes(30)
        recorder.batch(2)
        said = said_until(capfd, "attempts wait in memory")
        other.execute("ROLLBACK")
    recorder.passes()
    recorder.batch(2)
    wait_until(recorder.has_kept(12), "all windows")
    recorder.close()
    said += capfd.readouterr().err
    assert said.count("now: database is locked; attempts wait in memory") == 1
    rows = "SELECT (time - 1764417600) / 60, attempts FROM windows"
    assert recorder.ask(rows) == [(0, 4), (1, 4), (2, 6)]
    assert recorder.covered(NOON, NOON + 160)


def test_what_can_not_be_kept_at_the_end_is_said(recorder: Recorder) -> None:
    """How many attempts, and why."""
    recorder.batch(7)
    with closing(sqlite3.connect(recorder.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OutputError, match=r"7 attempts were not kept in .*locked"):
            recorder.close()


def test_a_file_that_was_moved_is_left(recorder: Recorder) -> None:
    """A new one has what comes then; the old one is whole."""
    recorder.batch(5)
    recorder.passes()
    recorder.batch(1)
    wait_until(recorder.has_kept(5), "the window")
    old = recorder.path.rename(recorder.path.with_name("old.db"))
    recorder.passes()
    recorder.batch(1)
    wait_until(recorder.has_kept(1), "the new file")
    recorder.close()
    assert recorder.kept() == 2
    with closing(open_for_reading(str(old))) as reader:
        assert reader.execute("SELECT sum(attempts) FROM windows").fetchone() == (5,)
    assert sorted(p.name for p in old.parent.iterdir()) == ["h.db", "old.db"]
    assert recorder.covered(NOON + 10, NOON + 20).gaps == []


@pytest.mark.parametrize("size", [0, 5000])
def test_a_file_that_was_cut_is_a_gap(
    recorder: Recorder, size: int, capfd: Any
) -> None:
    """A new one begins; what was lost is a loss, and the time before it a gap."""
    recorder.batch(5)
    recorder.passes()
    recorder.batch(1)
    wait_until(recorder.has_kept(5), "the window")
    os.truncate(recorder.path, size)
    recorder.passes()
    recorder.batch(1)
    said_until(capfd, "h.db.cut")
    recorder.close()
    assert recorder.kept() == 2
    found = recorder.covered(NOON, NOON + 20)
    assert found.gaps == [Gap(NOON, NOON + 10, "not recorded")]
    assert found.lost == {"truncated": 5}
    assert recorder.path.with_name("h.db.cut").exists()


@pytest.mark.parametrize(("jump", "way"), [(-7200, "back"), (7200, "ahead")])
def test_a_clock_that_jumps(
    recorder: Recorder, jump: int, way: str, capfd: Any
) -> None:
    """Attempts count where it was; nobody watched in between; one line says so."""
    recorder.batch(5)
    recorder.passes()
    recorder.batch(1)
    wait_until(recorder.has_kept(5), "the window")
    recorder.now += jump
    for _ in range(3):
        recorder.passes()
        recorder.batch(1)
    recorder.close()
    assert recorder.kept() == 9
    rows = recorder.ask("SELECT time - 1764417600, attempts FROM windows")
    assert dict(rows) == {0: 6, jump: 3}
    runs = recorder.ask("SELECT started - 1764417600, watched - started FROM runs")
    assert runs == [(0, 10), (jump + 20, 20)]
    printed = capfd.readouterr().err
    before, after = (
        time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(NOON + 20 + step))
        for step in (0, jump)
    )
    said = f"tcpconnect: the clock was set {way}, from {before} to {after}; "
    assert printed.startswith(said)
    assert printed.count("\n") == 1


def test_a_machine_that_sleeps(recorder: Recorder, capfd: Any) -> None:
    """Nobody watched; its clock is right, and nothing is said."""
    recorder.batch(5)
    recorder.passes()
    recorder.batch(1)
    recorder.now += 7200
    recorder.slept = 7200.0
    recorder.passes()
    recorder.batch(1)
    recorder.close()
    assert recorder.kept() == 7
    expected = [Gap(NOON + 10, NOON + 7220, "stopped")]
    assert recorder.covered(NOON, NOON + 7220).gaps == expected
    assert capfd.readouterr().err == ""


def test_a_second_recorder_is_refused(recorder: Recorder) -> None:
    """It says who has the file; the first one goes on."""
    with pytest.raises(OutputError, match=f"process {os.getpid()} writes it already"):
        Sqlite(str(recorder.path)).open()
    recorder.batch(3)
    recorder.close()
    assert recorder.kept() == 3


def test_a_reader_that_holds_the_file_is_no_second_recorder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may only read can't have the lock for long: who has it is named."""
    path = tmp_path / "h.db"
    Recorder(path, monkeypatch).close()
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="another process writes it already"):
            Sqlite(str(path)).open()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Be it symbolic or hard."""
    (tmp_path / "target").write_text("precious")
    (tmp_path / "soft").symlink_to("target")
    (tmp_path / "hard").hardlink_to(tmp_path / "target")
    for name, reason in (("soft", "a symbolic link"), ("hard", "another name")):
        with pytest.raises(OutputError, match=reason):
            Sqlite(str(tmp_path / name)).open()
    assert (tmp_path / "target").read_text() == "precious"


def test_nothing_is_left_of_what_never_began(tmp_path: Path) -> None:
    """A file that is new, and has nothing, goes."""
    output = Sqlite(str(tmp_path / "h.db"))
    output.open()
    output.close(Totals(0, NO_LOSSES))
    assert list(tmp_path.iterdir()) == []


def test_waiting_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows become coarser; what does not fit then is counted."""
    monkeypatch.setattr(waitings, "MOST", 10)
    waiting = Waiting()
    for n in range(90):
        time = NOON + n * 60
        windows = attempts(Program("p"), f"d{n % 6}.example", time=time, count=2)
        waiting.add(windows[MINUTE, time], {"ring": 1}, time)
    assert waiting.attempts == 180
    assert {span for span, _ in waiting.windows} <= {HOUR, 24 * HOUR, MINUTE}
    assert sum(waiting.lost.values()) == 90
    for n in range(40):
        time = NOON + n * 86400
        windows = attempts(Program("p"), "a.example", time=time)
        waiting.add(windows[MINUTE, time], {}, time)
    lost = sum(n for (_, reason), n in waiting.lost.items() if reason == "waiting")
    assert waiting.attempts + lost == 220
    assert lost
