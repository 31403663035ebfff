"""What alerts know is kept when the process is killed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

from tcpconnect.alerts.engine import Engine
from tests.support.alert_stores import Kept, table
from tests.support.windows import BEGIN, HOUR_S, Watch, row, steady

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


# Has processes go on with the week, and kills each after so many windows.
KILLS = """
import os, signal, sys
from tests.process.test_alerts_killed import week
for windows in map(int, sys.argv[2:]):
    read, write = os.pipe()
    process = os.fork()
    if not process:
        for _ in week(sys.argv[1]):
            os.write(write, b".")
    os.close(write)
    for _ in range(windows):
        assert os.read(read, 1)
    os.kill(process, signal.SIGKILL)
    os.wait()
    os.close(read)
"""


def week(path: str) -> Iterator[None]:
    """Go on with a week in which something new happens each hour."""
    time = int(dict(table(path, "progress"))["time"])
    kept = Kept(path, HOUR_S, time=time)
    connection = kept.store._connection  # noqa: SLF001
    while True:
        hour = (kept.time - BEGIN) // HOUR_S
        fresh = f"{chr(103 + hour % 17)}{hour // 17 * 'x'}.y"
        with_new = [row(destination=fresh)] if kept.time % HOUR_S == 0 else []
        kept.window(*steady(kept.time), *with_new)
        connection.execute("UPDATE progress SET value = ?", (kept.time,))
        yield


def test_killed(tmp_path: Path) -> None:
    """Killed at any moment: no pair is reported twice, and none is lost."""
    path = str(tmp_path / "alerts.db")
    connection = sqlite3.connect(path)
    Kept(path).store.close()
    begin = Watch(Engine(())).time
    connection.execute("CREATE TABLE progress (name, value)")
    connection.execute("INSERT INTO progress VALUES ('time', ?)", (begin,))
    connection.commit()
    windows = "700 1100 333 2000 1500 10 1 900".split()
    subprocess.run([sys.executable, "-c", KILLS, path, *windows], check=True)
    (end,) = connection.execute("SELECT value FROM progress").fetchone()
    connection.close()
    pairs = [found[2:5] for found in table(path, "alerts")]
    assert len(pairs) == len(set(pairs))
    assert len(pairs) >= (end - begin) // HOUR_S - 1
