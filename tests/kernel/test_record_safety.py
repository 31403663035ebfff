"""tcpconnect record: whatever happens to it or to its file, what was kept stays."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
from contextlib import closing
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import PORT, attempt, run_tool
from tests.support.recorder import COUNT, flush, flushed, kept, record
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.usefixtures("netns")

HELD = b"now: another process holds it in one long transaction; attempts wait in memory"
FULL = b"h.db' has reached --max-size, 1M; its finest and oldest rows are folded"


USERS = 3
MANY = """
import os, socket, sys
os.setuid(int(sys.argv[1]))
for part in range(16):
    for n in range(1, 255):
        with socket.socket() as client:
            client.connect_ex((f"127.1.{part}.{n}", int(sys.argv[2])))
"""


def test_a_file_that_is_truncated(tmp_path: Path) -> None:
    """A new one begins, in which that is a gap and a loss; answers say so."""
    path = tmp_path / "h.db"
    with record(path) as tool:
        for _ in range(3):
            attempt("127.0.0.9", PORT)
        flushed(tool, path, 3)

        def is_said() -> bool:
            # Just after a write the recorder does not know yet how large the file is.
            os.ftruncate(file.fileno(), 100)
            attempt("127.0.0.9", PORT)
            flush(tool)
            return b"h.db.cut" in tool.stderr

        with path.open("r+b") as file:
            wait_until(is_said, "the line")
        assert tool.stop() == 0
        assert tool.stderr.count(b"was truncated or damaged by another program") == 1
    ended = run_tool("history", "--db", path)
    assert ended.returncode == 0
    assert re.search(r"[3-9] attempts were lost: somebody cut the file", ended.stderr)
    assert "nobody was looking for" in ended.stderr


def test_a_file_of_another_version(tmp_path: Path) -> None:
    """It is refused in one line by all, and stays as it is."""
    path = tmp_path / "h.db"
    with record(path) as tool:
        attempt("127.0.0.9", PORT)
        assert tool.stop() == 0
    record_it, ask_it = ("record", "-o", f"sqlite:{path}"), ("history", "--db", path)
    others = [(*record_it, "--check"), (*ask_it, "--forget", "curl")]
    if find_spec("jinja2"):
        others.append(("report", "--db", path, "-o", tmp_path / "x.html"))
    for version, more in ((2, others), (99, ()), (0, others), (-1, ())):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA user_version = {version}")
        before = path.read_bytes()
        for words in (record_it, ask_it, *more):
            ended = run_tool(*words)
            assert (ended.returncode, ended.stdout) == (1, ""), version
            assert re.fullmatch(r"tcpconnect: .*h\.db'.*\n", ended.stderr)
            if version > 1:
                assert (
                    f"a newer tcpconnect wrote it (format {version}; " in ended.stderr
                )
        assert path.read_bytes() == before
        assert [each.name for each in tmp_path.iterdir()] == ["h.db"]


def test_a_reader_that_never_ends(tmp_path: Path) -> None:
    """It stops the writer before the log is large; one line says so; all is kept."""
    path = tmp_path / "h.db"
    uri = f"file:{path}?mode=ro"

    def has_or_says(number: int) -> bool:
        return HELD in tool.stderr or kept(path) == number

    with record(path, "--max-size", "1M") as tool:
        attempt("127.0.0.1", PORT)
        flushed(tool, path, 1)
        made, log = 1, tmp_path / "h.db-wal"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            assert reader.execute(COUNT).fetchone() == (1,)
            for part in range(255):
                for n in range(1, 255):
                    attempt(f"127.0.{part}.{n}", PORT)
                made += 254
                tool.process.send_signal(signal.SIGUSR1)
                wait_until(partial(has_or_says, made), "a window")
                if HELD in tool.stderr:
                    break
            assert reader.execute(COUNT).fetchone() == (1,)
            assert log.stat().st_size + path.stat().st_size < 1 << 20
        flushed(tool, path, made)
        assert tool.stop() == 0
        assert tool.stderr.count(HELD) == 1
    assert kept(path) == made


def test_a_size_that_is_too_small(tmp_path: Path) -> None:
    """The oldest go; one line says so, and what was deleted is a loss in answers."""
    path = tmp_path / "h.db"
    made = USERS * 16 * 254
    with record(path, "-f", "--max-size", "1M") as tool:
        for user in range(USERS):
            words = ["/usr/bin/python3", "-c", MANY, str(user), str(PORT)]
            subprocess.run(words, check=True)
            tool.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: FULL in tool.stderr, "the line")
        assert tool.stop() == 0
        assert tool.stderr.count(FULL) == 1
    assert path.stat().st_size <= 1 << 20
    deleted = made - kept(path)
    assert 0 < deleted < made
    ended = run_tool("history", "--db", path)
    assert f"{deleted:,} attempts were lost: deleted, as --max-size" in ended.stderr
