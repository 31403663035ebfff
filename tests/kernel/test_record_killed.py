"""tcpconnect record, killed at any moment: what was kept stays."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import PORT, attempt, run_tool
from tests.support.disks import fill, small_disk
from tests.support.launch import EMULATED
from tests.support.recorder import asked, kept, record
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("netns")

KILLS = 2 if EMULATED else 5
WAITS = b"database or disk is full; attempts wait in memory"


def burst(number: int) -> int:
    """Make so many attempts."""
    for n in range(number):
        attempt(f"127.0.{n // 250}.{n % 250 + 1}", PORT)
    return number


def test_killed_at_any_moment(tmp_path: Path) -> None:
    """What a reader has seen is there after each kill -9, in a file without damage."""
    path, chance = tmp_path / "h.db", Random(20)  # noqa: S311
    made = seen = 0
    for _ in range(KILLS):
        with record(path) as tool:
            before = seen
            while seen == before:
                made += burst(chance.randrange(1, 200))
                tool.process.send_signal(signal.SIGUSR1)
                with suppress(sqlite3.Error):  # it has no tables yet
                    seen = max(seen, kept(path))
            made += burst(chance.randrange(800))
            tool.process.send_signal(signal.SIGUSR1)
            made += burst(chance.randrange(200))
            tool.process.kill()
            tool.process.wait()
        assert seen <= kept(path) <= made
        assert asked(path, "PRAGMA integrity_check") == [("ok",)]
        seen = kept(path)
    with record(path) as tool:
        assert tool.stop() == 0
    assert kept(path) == seen > 0
    assert asked(path, "SELECT count(*), sum(ended = 0) FROM runs") == [
        (KILLS + 1, KILLS)
    ]
    assert [each.name for each in tmp_path.iterdir()] == ["h.db"]


def test_killed_on_a_full_disk() -> None:
    """What is in the file can be read, and the next one goes on when there is room."""
    with small_disk() as disk:
        path = disk / "h.db"
        with record(path) as tool:
            made = burst(200)
            tool.process.send_signal(signal.SIGUSR1)
            wait_until(lambda: kept(path) == made, "the attempts")
            fill(disk / "more")
            burst(200)
            tool.process.send_signal(signal.SIGUSR1)
            wait_until(lambda: WAITS in tool.stderr, "the line")
            tool.process.kill()
            tool.process.wait()
        assert kept(path) == made
        # A reader changes nothing, not even what SQLite would move into the file.
        files = [path, disk / "h.db-wal"]
        before = [each.read_bytes() for each in files]
        ended = run_tool("history", "--db", path, "-j")
        assert (ended.returncode, ended.stdout.count("\n")) == (0, 200)
        assert [each.read_bytes() for each in files] == before
        with record(path) as tool:
            more = burst(300)
            tool.process.send_signal(signal.SIGUSR1)
            wait_until(lambda: WAITS in tool.stderr, "the line")
            assert kept(path) == made
            (disk / "more").unlink()
            assert tool.stop() == 0
        assert kept(path) == made + more
        assert asked(path, "PRAGMA integrity_check") == [("ok",)]
