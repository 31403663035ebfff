"""What was watched, and when nobody was: from runs and losses of a history."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from tcpconnect.history.coverage import Coverage, Gap, coverage
from tcpconnect.history.file import open_for_reading
from tcpconnect.history.store import Run
from tests.support.histories import NOON, history, new_store

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3600


def of(path: Path, since: int, until: int) -> Coverage:
    """Return the coverage of a file."""
    with closing(open_for_reading(str(path))) as connection:
        return coverage(connection, since, until)


def run(path: Path, since: int, until: int, *, boot: str = "b", end: bool) -> None:
    """Have a recorder watch for a time; without ``end`` it is then killed."""
    store = new_store(path, Run(boot=boot, started=since))
    store.add({}, {}, until)
    if end:
        store.close(until)
    else:
        store.connection.close()


def test_a_run_covers_all(tmp_path: Path) -> None:
    """No gap within it, and none of less than two seconds."""
    history(tmp_path / "h", runs=[(NOON, NOON + 50), (NOON + 51, NOON + 100)])
    whole = of(tmp_path / "h", NOON, NOON + 100)
    assert whole == Coverage(NOON, NOON + 100, [], {}, running=False)
    assert whole
    assert whole.watched_s == 100


def test_gaps_have_a_reason(tmp_path: Path) -> None:
    """Nothing before the first run; stopped, killed; the machine was off."""
    path = tmp_path / "h"
    run(path, NOON, NOON + HOUR, end=True)
    run(path, NOON + 2 * HOUR, NOON + 3 * HOUR, end=False)
    run(path, NOON + 4 * HOUR, NOON + 5 * HOUR, end=False)
    run(path, NOON + 6 * HOUR, NOON + 7 * HOUR, boot="c", end=True)
    found = of(path, NOON - HOUR, NOON + 8 * HOUR)
    assert found.gaps == [
        Gap(NOON - HOUR, NOON, "not recorded"),
        Gap(NOON + HOUR, NOON + 2 * HOUR, "stopped"),
        Gap(NOON + 3 * HOUR, NOON + 4 * HOUR, "killed"),
        Gap(NOON + 5 * HOUR, NOON + 6 * HOUR, "off"),
        Gap(NOON + 7 * HOUR, NOON + 8 * HOUR, "stopped"),
    ]
    assert found.watched_s == 4 * HOUR
    assert not found


def test_a_recording_before(tmp_path: Path) -> None:
    """A history that begins with a recording has no boot for it: nothing was off."""
    run(tmp_path / "h", NOON, NOON + HOUR, boot="", end=True)
    run(tmp_path / "h", NOON + 2 * HOUR, NOON + 3 * HOUR, end=True)
    (gap,) = of(tmp_path / "h", NOON, NOON + 3 * HOUR).gaps
    assert gap.why == "stopped"


def test_gaps_are_of_the_time_that_is_asked_for(tmp_path: Path) -> None:
    """Not of what was before and after."""
    path = tmp_path / "h"
    run(path, NOON, NOON + HOUR, end=True)
    run(path, NOON + 2 * HOUR, NOON + 3 * HOUR, end=True)
    between = NOON + HOUR + 60, NOON + HOUR + 120
    assert of(path, *between).gaps == [Gap(*between, "stopped")]
    assert of(path, NOON + 10, NOON + 20).gaps == []
    after = NOON + 4 * HOUR, NOON + 5 * HOUR
    assert of(path, *after).gaps == [Gap(*after, "stopped")]
    before = NOON - HOUR, NOON - 60
    assert of(path, *before).gaps == [Gap(*before, "not recorded")]


def test_what_a_recorder_has_not_written_is_no_gap(tmp_path: Path) -> None:
    """It has two windows in memory at most; then it was killed, or can't write."""
    run(tmp_path / "h", NOON, NOON + HOUR, end=False)
    until = NOON + HOUR
    assert of(tmp_path / "h", NOON, until + 15).gaps == []
    assert of(tmp_path / "h", NOON, until + 15).running
    late = of(tmp_path / "h", NOON, until + 60)
    assert late.gaps == [Gap(until, until + 60, "killed")]


def test_losses_are_summed(tmp_path: Path) -> None:
    """Those of minutes that belong to the time."""
    lost = {(NOON, "ring"): 3, (NOON + 60, "ring"): 4, (NOON + 600, "missed"): 5}
    history(tmp_path / "h", lost=lost)
    assert of(tmp_path / "h", NOON + 30, NOON + 90).lost == {"ring": 7}
    assert of(tmp_path / "h", NOON + 60, NOON + 900).lost == {"ring": 4, "missed": 5}


def test_nothing_was_recorded(tmp_path: Path) -> None:
    """A file without runs is one gap."""
    history(tmp_path / "h", runs=[(NOON, NOON)])
    found = of(tmp_path / "h", NOON - 60, NOON - 30)
    assert found.gaps == [Gap(NOON - 60, NOON - 30, "not recorded")]


def test_a_run_with_a_wrong_clock_is_not_the_last(tmp_path: Path) -> None:
    """Whether one runs is what the last one says, whatever its clock showed."""
    path = tmp_path / "h"
    run(path, NOON + 9000 * HOUR, NOON + 9001 * HOUR, end=False)
    run(path, NOON, NOON + HOUR, end=True)
    assert not of(path, NOON, NOON + HOUR).running
    run(path, NOON + 2 * HOUR, NOON + 3 * HOUR, end=False)
    assert of(path, NOON, NOON + HOUR).running
