"""A recorder that is killed while it folds and deletes rows."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

from tcpconnect.history.coverage import coverage
from tcpconnect.history.file import open_for_reading
from tcpconnect.history.schema import DAY
from tests.support.histories import NOON, attempts, history, joined

if TYPE_CHECKING:
    from pathlib import Path

DAYS, PAIRS = 6, 2000
WORK = """
import os, sys
from tcpconnect.history import keep, steps
from tcpconnect.history.store import Run, Store
from tcpconnect.history.terms import Terms
keep.BUSY_S, steps.MOST = 0.0, 512
store, now = Store(sys.argv[1]), int(sys.argv[2])
store.begin(Run(started=now))
working = keep.Keep(Terms(max_size=1 << 20))
while working.work(store, now):
    os.write(1, b"x")
"""


def test_killed_while_it_works(tmp_path: Path) -> None:
    """Each attempt is in a row, or counted as lost; the next one ends the work."""
    path, now = tmp_path / "h.db", NOON + DAYS * DAY
    windows = joined(
        attempts("p", f"{day}-{n}.example", time=NOON + day * DAY + n)
        for day in range(DAYS)
        for n in range(PAIRS)
    )
    history(path, windows, runs=[(NOON, now)])
    words = [sys.executable, "-c", WORK, str(path), str(now)]
    killed = 0
    for calls in (1, 4, 9, 14, 0):
        with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
            assert process.stdout
            if calls:
                process.stdout.read(calls)
                process.kill()
            process.stdout.read()
        killed += process.returncode == -9
        with closing(open_for_reading(str(path))) as reader:
            assert reader.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            (kept,) = reader.execute("SELECT sum(attempts) FROM windows").fetchone()
            lost = coverage(reader, 0, now + DAY).lost.get("size", 0)
        assert kept + lost == DAYS * PAIRS
    assert killed > 1
    assert process.returncode == 0
    assert path.stat().st_size < 1 << 20
    assert lost
