"""The verb history, asked as users ask it."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import termios
import time
from typing import TYPE_CHECKING, Any

from tcpconnect.history.rows import Program
from tcpconnect.progress import ERASE
from tests.support import preloaded
from tests.support.histories import attempts, history
from tests.support.terminals import read_all

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import CompletedProcess

NOW = int(time.time())
DAY = 86_400
LATER = NOW + 3600  # the tests are over by then
WEB = Program("shop/web-7", "web", "x.scope", "shop/web-7", 1000)

# A view instead of the rows, which never ends.
ENDLESS = """
DROP TABLE windows;
CREATE VIEW windows AS
WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers)
SELECT n AS time, 60 AS span, 1 AS program_id, 1 AS destination_id, 1 AS outcome_id,
    1 AS attempts, 0 AS latency_us, 0 AS latency_max_us FROM numbers;
"""


def filled(path: Path) -> Path:
    """Make a history of two days, without gaps."""
    nginx, api = "nginx.service", "api.example"
    history(
        path,
        attempts(nginx, api, time=NOW - 600, count=90, latency_ms=2.5),
        attempts(
            nginx, api, time=NOW - 600, count=9, result="ECONNREFUSED", why="closed"
        ),
        attempts(WEB, "db.example", 5432, time=NOW - 900, count=12, result="ETIMEDOUT"),
        attempts("curl", "10.2.3.4", time=NOW - 600, count=3),
        attempts("curl", "10.2.3.4", time=NOW - 2 * DAY, count=5),
        attempts(
            *("curl", "gone.example", 0),
            time=NOW - 600,
            result="NXDOMAIN",
            latency_ms=None,
            address="",
        ),
        runs=[(NOW - 3 * DAY, LATER)],
    )
    return path


def ask(
    *words: object, db: Path | str | None = None, **given: Any
) -> CompletedProcess[str]:
    """Ask it, and return what came of it."""
    return preloaded.run("history", *(("--db", db) if db else ()), *words, **given)


def rows(*words: object, db: Path) -> list[dict[str, Any]]:
    """Return the answer; nothing is said beside it."""
    done = ask("-j", *words, db=db)
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def said(done: CompletedProcess[str]) -> tuple[int, str]:
    """Return the exit code, and the one line on stderr."""
    assert done.stdout == ""
    assert done.stderr.startswith("tcpconnect: "), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.returncode, done.stderr[len("tcpconnect: ") : -1]


def on_terminal(*words: object, db: Path | str, columns: int = 80) -> list[str]:
    """Return the lines on a terminal that is so wide, of stderr, too."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    done = ask(*words, db=db, stdout=theirs, stderr=theirs)
    assert done.returncode == 0
    os.close(theirs)
    shown = read_all(ours)
    os.close(ours)
    # On a busy machine it says how far it is, before the answer.
    return shown.rpartition(ERASE)[2].decode().splitlines()
