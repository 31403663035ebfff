"""A history is whole when its writer is killed."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

from tcpconnect.history.file import open_for_reading
from tests.support.histories import NOON

if TYPE_CHECKING:
    from pathlib import Path


KILLED = """
import itertools, os, sys
from tcpconnect.history.store import Run
from tests.support.histories import NOON, attempts, new_store
store = new_store(sys.argv[1], Run(started=NOON))
for n in itertools.count(1):
    windows = attempts("curl", f"d{n % 50}.example", time=NOON + n, count=10)
    store.add(windows, {}, NOON + n)
    os.write(1, b"x")
"""


def test_killed_at_any_moment(tmp_path: Path) -> None:
    """All that was committed is there, and the file is whole."""
    for n in range(8):
        path = tmp_path / f"{n}.db"
        words = [sys.executable, "-c", KILLED, str(path)]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
            assert process.stdout
            done = process.stdout.read(1 + 37 * n)
            process.kill()
            done += process.stdout.read()
        with closing(open_for_reading(str(path))) as reader:
            assert reader.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            (kept,) = reader.execute("SELECT sum(attempts) FROM windows").fetchone()
            assert kept // 10 - len(done) in {0, 1}
            (watched,) = reader.execute("SELECT watched FROM runs").fetchone()
            assert watched == NOON + kept // 10
