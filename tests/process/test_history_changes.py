"""The verb history: status, what it deletes, terminals, hostile files."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import sqlite3
import struct
import subprocess
import termios
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tcpconnect.alerts.alert import Pair
from tcpconnect.alerts.engine import Engine
from tcpconnect.alerts.rows import accepted
from tcpconnect.alerts.store import AlertStore
from tcpconnect.history.store import Run
from tcpconnect.progress import ERASE
from tests.support import launch
from tests.support.asking import NOW, ask, filled, rows, said
from tests.support.histories import attempts, new_store
from tests.support.terminals import read_all

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """Return a history of two days, without gaps."""
    return filled(tmp_path / "h.db")


def test_status(db: Path) -> None:
    """It says whether a recorder runs, the size of the history, and what is missing."""
    (found,) = rows("--status", db=db)
    assert (found["recording"], found["gaps"], found["lost"]) == (False, [], {})
    assert (found["rows"], found["bytes"]) == ({"minute": 6}, db.stat().st_size)
    text = ask("--status", db=db).stdout
    assert re.search(r"^recording  no, stopped at ", text, re.MULTILINE)


def test_status_beside_a_recorder(tmp_path: Path) -> None:
    """A recorder that has written lately is running."""
    now = int(time.time())  # NOW was long ago, if other tests came first
    store = new_store(tmp_path / "h.db", Run(pid=77, version="1.0", started=now - 60))
    store.add({}, {}, now - 1)
    (found,) = rows("--status", db=tmp_path / "h.db")
    assert (found["recording"], found["pid"]) == (True, 77)
    store.close(now)


def test_killed(tmp_path: Path) -> None:
    """A recorder that was killed is no longer running."""
    store = new_store(tmp_path / "h.db", Run(started=NOW - 3600))
    store.add(attempts("a", "b", time=NOW - 900), {}, NOW - 600)
    store.connection.close()
    done = ask(db=tmp_path / "h.db")
    assert "(recorder killed); no recorder runs: start " in done.stderr
    text = ask("--status", db=tmp_path / "h.db").stdout
    assert "recording  no word since " in text


def test_killed_a_moment_ago(tmp_path: Path) -> None:
    """No recorder is running beside a gap that says that it was killed."""
    now = int(time.time())
    store = new_store(tmp_path / "h.db", Run(started=now - 60))
    store.add({}, {}, now - 30)
    store.connection.close()
    (found,) = rows("--status", db=tmp_path / "h.db")
    assert (found["recording"], len(found["gaps"])) == (False, 1)


@pytest.mark.parametrize("name", ["nginx.service", "api.example"])
def test_forget(db: Path, name: str) -> None:
    """What is forgotten is no longer in the file, while a recorder has it open."""
    store = new_store(db, Run(started=NOW))
    code, line = said(ask("--forget", name, db=db))
    assert (code, line) == (0, f"forgot {name!r}: 4 rows deleted")
    kept = b"".join(path.read_bytes() for path in db.parent.glob("h.db*"))
    assert name.encode() not in kept
    assert b"db.example" in kept
    store.add(attempts("curl", "later.example", time=NOW), {}, NOW)
    store.close(NOW)
    assert [row["program"] for row in rows(db=db)] == [
        "shop/web-7",
        "curl",
        "curl",
        "curl",
    ]


def test_accept(db: Path) -> None:
    """What --new shows is given to the recorder, which has the file open."""
    store = new_store(db, Run(started=NOW))
    done = ask("--new", "--accept", "-j", db=db)
    expected = "tcpconnect: accepted 3 pairs; no alert will report them as new\n"
    assert (done.returncode, done.stderr) == (0, expected)
    shown = {
        (row["program"], row["destination"], row["dport"])
        for row in map(json.loads, done.stdout.splitlines())
    }
    assert set(accepted(str(db))[0]) == shown
    store.close(NOW)


def test_forget_address(db: Path) -> None:
    """The address that a name had is forgotten, and what the name counts stays."""
    assert said(ask("--forget", "192.0.2.1", db=db))[0] == 0
    assert b"192.0.2.1" not in db.read_bytes()
    assert len(rows(db=db)) == 4


def test_forget_what_alerts_know(db: Path) -> None:
    """The recorder has the file of that open, too."""
    store = AlertStore(f"{db}.alerts")
    engine = Engine({"new"}, 0)
    pairs = [("curl", "secret.example", 443), ("web", "db.example", 5432)]
    engine.accept(pairs, learnt=True)
    store.keep(engine, [], ())
    engine.learning.see(Pair("curl", "a.example", 443), 0, "192.0.2.9")
    store.keep(engine, [], ())
    assert said(ask("--forget", "secret.example", db=db))[0] == 0
    assert said(ask("--forget", "192.0.2.9", db=db))[0] == 0
    kept = b"".join(path.read_bytes() for path in db.parent.glob("h.db.alerts*"))
    assert b"secret.example" not in kept
    assert b"192.0.2.9" not in kept
    assert b"db.example" in kept
    store.close()


def test_forget_nothing(db: Path) -> None:
    """A name that is not there is an error, with the one that was meant."""
    code, line = said(ask("--forget", "api.exmple", db=db))
    assert code == 1
    assert line.endswith("'api.exmple'; did you mean api.example or db.example?")


@pytest.mark.skipif(os.getuid() != 0, reason="gives files to another user")
def test_without_permission(db: Path) -> None:
    """A reader needs no more than read permission; --forget needs more."""
    os.chown(db, 1234, 1234)
    os.chown(db.parent, 1234, 1234)
    db.parent.chmod(0o755)
    db.chmod(0o644)
    assert powerless("-j", db=db).stdout.count("\n") == 4
    code, line = said(powerless("--forget", "curl", db=db))
    assert code == 1
    assert re.search("permission.*; run it as root, or as the owner$", line)
    db.chmod(0o600)
    code, line = said(powerless(db=db))
    assert code == 1
    assert line.startswith("can't read the history ")
    assert "permission denied; ask for read permission" in line


def powerless(*words: object, db: Path) -> subprocess.CompletedProcess[str]:
    """Ask it as a user who may open others' files only as they allow it."""
    argv = launch.command(["history", "--db", db, *words])["args"]
    return subprocess.run(
        ["setpriv", "--bounding-set=-all", *map(str, argv)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_hostile_file(db: Path) -> None:
    """Names that somebody put into a file can't control a terminal; rubbish is said."""
    with sqlite3.connect(db) as connection:
        connection.execute(
            "UPDATE programs SET program = char(27) || '[2J' || program_id"
        )
    assert "\x1b" not in ask(db=db).stdout
    assert rows(db=db)[0]["program"].startswith("\\x1b[2J")
    with sqlite3.connect(db) as connection:
        connection.execute("DROP TABLE windows")
    code, line = said(ask(db=db))
    assert (code, line.partition(":")[0]) == (1, f"can't read the history '{db}'")


@pytest.mark.parametrize(
    ("table", "column"),
    [("windows", "time"), ("windows", "span"), ("programs", "uid"), ("runs", "ended")],
)
def test_rubbish(db: Path, table: str, column: str) -> None:
    """A file whose tables have other types is one line, whatever is asked."""
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, 'STRICT', '')")
        connection.execute(
            "UPDATE sqlite_master SET sql = replace(sql, ') , W', ') W')"
        )
    with closing(sqlite3.connect(db)) as connection, connection:
        update = f"UPDATE {table} SET {column} = 'x' || random()"  # noqa: S608
        connection.execute(update)
    for words in ((), ("--status",), ("-u", "0"), ("--by", "hour,uid"), ("--new",)):
        done = ask("--since", "-9d", *words, db=db)
        assert done.returncode in {0, 1}
        assert "internal error" not in done.stderr


def test_terminal(db: Path) -> None:
    """On a terminal of 80 cells no line is longer, and the failure is still there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    done = ask("--color", "never", db=db, stdout=theirs)
    os.close(theirs)
    text = read_all(ours).rpartition(ERASE)[2].decode()
    os.close(ours)
    assert (done.returncode, done.stderr) == (0, "")
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert "ECONNREFUSED" in lines[1]
    assert "api.example" in lines[1]


def test_closed_pipe_and_full_disk(db: Path) -> None:
    """A reader that is gone is fine; a full disk is a line."""
    ours, theirs = os.pipe()
    os.close(ours)
    done = ask(db=db, stdout=theirs)
    os.close(theirs)
    assert (done.returncode, done.stderr) == (0, "")
    with open("/dev/full", "w") as full:
        done = ask(db=db, stdout=full)
    assert done.returncode == 1
    assert done.stderr.startswith("tcpconnect: can't write the output: No space left")
