"""tcpconnect record: full disks, and who may read what it writes."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.attempts import PORT, attempt
from tests.support.disks import fill, small_disk
from tests.support.recorder import COUNT, asked, flush, flushed, record
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("netns")

OWNER, READERS, READER = 54321, 54322, 54323
WAITS = b"attempts wait in memory"
READ = f"""
import os, sqlite3, sys
os.setgroups(()); os.setgid({READERS}); os.setuid({READER})
connection = sqlite3.connect(f"file:{{sys.argv[1]}}?mode=ro", uri=True)
print(connection.execute("{COUNT}").fetchone()[0])
"""


def test_a_full_disk() -> None:
    """Windows wait, and are written when there is room; one line says so."""
    with small_disk() as disk, record(disk / "h.db") as tool:
        wait_until(lambda: asked(disk / "h.db", "SELECT * FROM runs"), "a run")
        fill(disk / "more")
        for n in range(200):
            attempt(f"127.0.0.{n + 1}", PORT)
        flush(tool)
        wait_until(lambda: WAITS in tool.stderr, "the line")
        (disk / "more").unlink()
        attempt("127.0.0.1", PORT)
        assert tool.stop() == 0
        assert asked(disk / "h.db", COUNT) == [(201,)]
        assert tool.stderr.count(WAITS) == 1


def test_a_disk_that_stays_full() -> None:
    """How many attempts were not kept is said, and the exit code is 1."""
    with small_disk() as disk, record(disk / "h.db") as tool:
        wait_until(lambda: asked(disk / "h.db", "SELECT * FROM runs"), "a run")
        fill(disk / "more")
        for n in range(200):
            attempt(f"127.0.0.{n + 1}", PORT)
        assert tool.stop() == 1
        assert re.search(rb"200 attempts were not kept in .* full", tool.stderr)
        assert b"Traceback" not in tool.stderr


def read_as_member(path: Path) -> str:
    """Return how many attempts a member of the group sees."""
    words = ["/usr/bin/python3", "-c", READ, str(path)]
    ended = subprocess.run(words, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def test_members_of_the_group_read() -> None:
    """While it is written, after a clean end, and after it was killed."""
    with TemporaryDirectory(prefix="tcpconnect-test-") as name:
        path = Path(name, "h.db")
        os.chown(name, OWNER, READERS)
        os.chmod(name, 0o2750)  # noqa: S103 (its group reads)
        with record(path) as tool:
            attempt("127.0.0.9", PORT)
            flushed(tool, path, 1)
            assert read_as_member(path) == "1"
            assert tool.stop() == 0
        assert read_as_member(path) == "1"
        assert path.stat().st_uid == OWNER
        with record(path) as tool:
            attempt("127.0.0.9", PORT)
            flushed(tool, path, 2)
            tool.process.kill()
        assert read_as_member(path) == "2"
