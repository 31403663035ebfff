"""The verb history, as users type it."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.support import launch
from tests.support.asking import (
    DAY,
    ENDLESS,
    LATER,
    NOW,
    ask,
    filled,
    rows,
    said,
)
from tests.support.histories import attempts, history
from tests.support.terminals import read_all
from tests.support.waiting import TIMEOUT_S

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """Return a history of two days, without gaps."""
    return filled(tmp_path / "h.db")


def test_last_hour(db: Path) -> None:
    """Without options: the last hour, by program and destination."""
    minute = (NOW - 600) // 60 * 60
    begin = time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", time.gmtime(minute))
    first, second, *others = rows(db=db)
    assert first == {
        "program": "nginx.service",
        "destination": "api.example",
        "dport": 443,
        "result": "ECONNREFUSED",
        "why": "closed",
        "attempts": 99,
        "failed": 9,
        "latency_ms": 2.363,
        "latency_max_ms": 2.5,
        "first": begin,
        "last": begin,
    }
    assert (
        list(first)
        == (
            "program destination dport result why attempts failed latency_ms "
            "latency_max_ms first last"
        ).split()
    )
    assert (second["program"], second["result"]) == ("shop/web-7", "ETIMEDOUT")
    assert [(row["attempts"], row["latency_ms"]) for row in others] == [
        (3, 1),
        (1, None),
    ]


def test_table(db: Path) -> None:
    """A table has the numbers before the commonest failure, and local times."""
    done = ask(db=db)
    head, first, *_ = done.stdout.splitlines()
    assert " ".join(head.split()) == (
        "PROGRAM DESTINATION RPORT ATTEMPTS FAILED LAT(ms) MAX-LAT(ms) RESULT WHY LAST"
    )
    assert " ".join(first.split()[:9]) == (
        "nginx.service api.example 443 99 9 2.363 2.500 ECONNREFUSED closed"
    )
    assert first.endswith(time.strftime("%b %d %H:%M", time.localtime(NOW - 600)))


def test_csv(db: Path) -> None:
    """CSV has the names of JSON's keys as its header."""
    done = ask("--format", "csv", "--columns", "program,attempts", db=db)
    assert done.stdout.splitlines() == [
        "program,attempts",
        "nginx.service,99",
        "shop/web-7,12",
        "curl,4",
    ]


@pytest.mark.parametrize(
    ("words", "programs"),
    [
        ("--program nginx", ["nginx.service"]),
        ("--program nginx.service,cur*", ["nginx.service", "curl", "curl"]),
        ("--program web-?", ["shop/web-7"]),
        ("-P 5432", ["shop/web-7", "curl"]),
        ("-P 5000-6000 --failed --results ETIMEDOUT", ["shop/web-7"]),
        ("--not-port 443,0", ["shop/web-7"]),
        ("--to 10.0.0.0/8", ["curl", "curl"]),
        ("--not-to 10.0.0.0/8 --not-to 192.0.2.1", ["curl"]),
        ("-4 --to-name *.EXAMPLE --failed", ["shop/web-7", "nginx.service", "curl"]),
        ("-u 1000", ["shop/web-7"]),
        ("--unit x.scope", ["shop/web-7"]),
        ("--pod web-*", ["shop/web-7"]),
        ("--container web", ["shop/web-7"]),
        ("--not-container web --failed", ["nginx.service", "curl"]),
        ("--failed", ["shop/web-7", "nginx.service", "curl"]),
        ("--result NXDOMAIN,etimedout", ["shop/web-7", "curl"]),
        ("--failing", ["shop/web-7"]),
        ("--failing=1", ["shop/web-7", "curl"]),
        ("--failing 12", ["shop/web-7"]),
        ("--slow", ["nginx.service", "curl"]),
        ("--sort failed --limit 2", ["shop/web-7", "nginx.service"]),
        ("--sort dport", ["shop/web-7", "curl", "nginx.service", "curl"]),
    ],
)
def test_filters(db: Path, words: str, programs: list[str]) -> None:
    """Filters have the names and the meaning that they have in a trace."""
    assert [row["program"] for row in rows(*words.split(), db=db)] == programs


def test_new(db: Path) -> None:
    """What was reached before is not new."""
    found = rows("--new", db=db)
    places = {(row["program"], row["destination"]) for row in found}
    assert places == {
        ("nginx.service", "api.example"),
        ("shop/web-7", "db.example"),
        ("curl", "gone.example"),
    }


def test_new_where_nobody_looked(tmp_path: Path) -> None:
    """Without a recorder before, everything looks new, which is said."""
    path = tmp_path / "h.db"
    history(path, attempts("a", "b", time=NOW - 60), runs=[(NOW - 3600, LATER)])
    done = ask("--new", "--since", "-50min", db=path)
    assert done.stdout.count("\n") == 2
    assert re.fullmatch(
        r"tcpconnect: what ran before .* may look new: nobody was looking for "
        r"23 h \d+ min of the 1 d before\n",
        done.stderr,
    )


def test_gaps_and_losses(tmp_path: Path) -> None:
    """An answer that rests on a gap, or on losses, says so."""
    path = tmp_path / "h.db"
    runs = [(NOW - 9000, NOW - 1500), (NOW - 900, LATER)]
    lost = {(NOW - 600, "ring"): 12}
    history(path, attempts("a", "b", time=NOW - 60), runs=runs, lost=lost)
    gap, losses = ask(db=path).stderr.splitlines()
    assert gap.startswith("tcpconnect: nobody was looking for 10 min in all: ")
    assert gap.endswith(" (recorder stopped)")
    assert losses.startswith("tcpconnect: 12 attempts were lost: ")


def test_lost_details_are_no_lost_attempts(tmp_path: Path) -> None:
    """Who could not be named was counted; the answer and --status tell them apart."""
    path = tmp_path / "h.db"
    names = {(NOW - 600, "names"): 81_758, (NOW - 600, "unread"): 315}
    lost = {**names, (NOW - 600, "ring"): 12, (NOW - 600, "later\x1b"): 1}
    history(path, attempts("a", "b", time=NOW - 60), runs=[(NOW - 9000, LATER)])
    history(tmp_path / "lost.db", runs=[(NOW - 9000, LATER)], lost=lost)
    assert ask(db=path).stderr == ""
    incomplete = r"1 of later\x1b, 81,758 names lost, 315 DNS answers not read"
    attempts_lost = "the ring buffer was full (12)"
    *_, missing, unknown = ask(db=tmp_path / "lost.db").stderr.splitlines()
    assert missing == f"tcpconnect: 12 attempts were lost: {attempts_lost}"
    assert unknown == f"tcpconnect: some attempts are shown incompletely: {incomplete}"
    shown = ask("--status", db=tmp_path / "lost.db").stdout
    assert shown.endswith(f"lost       {attempts_lost}\nincomplete {incomplete}\n")
    assert "incomplete" not in ask("--status", db=path).stdout


def test_nothing_found(db: Path) -> None:
    """An answer without rows is a line, and no failure."""
    code, line = said(ask("--program", "ngimx.service", db=db))
    assert code == 0
    assert re.fullmatch(
        r"no such attempts .*: no program in the history is ngimx.service; "
        r"did you mean nginx.service\?",
        line,
    )
    assert said(ask("--alerts", db=db))[1].startswith("no alerts 20")
    assert ask("-j", "--until", "-2d", "--since", "-50h", db=db).returncode == 0


def test_no_history(tmp_path: Path) -> None:
    """Without a file, the line says how to get one."""
    code, line = said(ask(db=tmp_path / "none.db"))
    assert code == 1
    assert line.startswith("there is no history at ")
    assert "start tcpconnect record" in line


def test_by_hour(db: Path) -> None:
    """Hours come in their order."""
    found = rows("--by", "hour", "--since", "-3d", db=db)
    assert found[0]["attempts"] == 5
    assert found == sorted(found, key=lambda row: row["hour"])
    assert list(found[0])[:3] == ["hour", "result", "why"]


def test_epoch(db: Path) -> None:
    """@ before a number of seconds is no file of options."""
    assert (
        len(rows("--since", f"@{NOW - 3 * DAY}", "--until", f"@{NOW - DAY}", db=db))
        == 1
    )


@pytest.mark.packages
@pytest.mark.skipif(not shutil.which("sqlite3"), reason="needs sqlite3")
def test_sql(db: Path) -> None:
    """The statement gives the same rows in the shell of sqlite3."""
    words = ("--failing", "--since", "-2h")
    statement = ask("--sql", *words, db=db).stdout
    found = subprocess.run(
        ["sqlite3", "-readonly", db],
        input=statement,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.startswith("shop/web-7|db.example|5432|ETIMEDOUT||12|12|")


def test_progress_and_interrupt(db: Path) -> None:
    """What takes long says so on a terminal, and Ctrl-C ends it at once."""
    with closing(sqlite3.connect(db)) as connection:
        connection.executescript(ENDLESS)
    ours, theirs = pty.openpty()
    start = launch.command(["history", "--db", db])
    process = subprocess.Popen(**start, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    shown = b""
    while not re.search(rb"\d s$", shown):
        shown += os.read(ours, 100)
    process.send_signal(signal.SIGINT)
    assert process.wait(TIMEOUT_S) == -signal.SIGINT
    shown += read_all(ours)
    os.close(ours)
    assert shown.endswith(b"\r\x1b[K")
