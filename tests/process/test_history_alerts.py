"""What alerts have said, asked again as users ask; and what other questions take."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

import pytest

from tcpconnect.alerts.alert import Alert, Notice
from tcpconnect.alerts.rows import add_alert
from tests.support.asking import NOW, ask, filled, on_terminal, rows, said
from tests.support.histories import attempts, history

if TYPE_CHECKING:
    from pathlib import Path

FAILS = "shop/web-7 to db.example:5432 is failing: 12 of 12 attempts, ETIMEDOUT"
WORKS = "shop/web-7 to db.example:5432 works again: 11 of 14 attempts had failed"
IS_NEW = "curl connected to 10.2.3.4:80 for the first time"
ALERTS = (
    (NOW - 9000, "new", "curl", "gone.example", 443, "too early"),
    (NOW - 2000, "failing", "shop/web-7", "db.example", 5432, FAILS),
    (NOW - 1000, "solved", "shop/web-7", "db.example", 5432, WORKS),
    (NOW - 900, "new", "curl", "10.2.3.4", 80, IS_NEW),
    (NOW - 800, "new", "", "*", 0, "33 more"),
    (NOW - 700, "new", "a\x1b[2J", "b", 1, "\x1b[31ma"),
)


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """Return a history with alerts of its recorder."""
    path = filled(tmp_path / "h.db")
    for at, kind, program, destination, dport, text in ALERTS:
        alert = Alert(
            kind=kind,
            time=at,
            text=text,
            program=program,
            destination=destination,
            dport=dport,
        )
        add_alert(str(path), Notice("id", alert))
    return path


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        ("", [FAILS, WORKS, IS_NEW, "33 more", r"\x1b[31ma"]),
        ("--since @LATER", [WORKS, IS_NEW, "33 more", r"\x1b[31ma"]),
        ("--since -3h --until -1h", ["too early"]),
        ("--program web-?", [FAILS, WORKS]),
        ("--program curl,nix", [IS_NEW]),
        ("-P 5432,1", [FAILS, WORKS, "33 more", r"\x1b[31ma"]),
        ("--not-port 0,1,80", [FAILS, WORKS]),
        ("--to-name DB.*", [FAILS, WORKS]),
        ("--to-name * --limit 2", ["33 more", r"\x1b[31ma"]),
        ("--program web-7 --limit 1", [WORKS]),
    ],
)
def test_filters(db: Path, words: str, texts: list[str]) -> None:
    """Filters mean what they mean for attempts; --limit has the latest."""
    words = words.replace("LATER", str(NOW - 1200))
    found = rows("--alerts", *words.split(), db=db)
    assert [row["text"] for row in found] == texts


def test_machines(db: Path) -> None:
    """JSON and CSV have all that an alert is about."""
    when = time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", time.gmtime(NOW - 2000))
    first = ask("--alerts", "-j", db=db).stdout.splitlines()[0]
    names = ["time", "kind", "program", "destination", "dport", "text"]
    values = [when, "failing", "shop/web-7", "db.example", 5432, FAILS]
    assert [*json.loads(first).items()] == [*zip(names, values, strict=True)]
    head, line, *_ = ask("--alerts", "--format", "csv", db=db).stdout.splitlines()
    assert (head, line) == (
        ",".join(names),
        f'{when},failing,shop/web-7,db.example,5432,"{FAILS}"',
    )


def test_terminal(db: Path) -> None:
    """A table has sentences, which are not cut, and what fails is set off."""
    head, first, second = on_terminal("--alerts", "--until", f"@{NOW - 960}", db=db)
    began, ended = (
        time.strftime("%b %d %H:%M", time.localtime(NOW - ago)) for ago in (2000, 1000)
    )
    assert head == "\x1b[1mTIME         KIND    TEXT\x1b[0m"
    assert first == f"{began} \x1b[31mfailing\x1b[0m {FAILS}"
    assert second == f"{ended} solved  {WORKS}"


def test_columns(db: Path) -> None:
    """Columns can be chosen, and --columns help has those of alerts."""
    done = ask("--alerts", "--columns", "kind,dport", "--limit", "1", db=db)
    assert done.stdout.splitlines() == ["KIND    RPORT", "new     1"]
    helped = ask("--alerts", "--columns", "help").stdout
    assert [line.split()[0] for line in helped.splitlines()] == [
        *("time", "kind", "program", "destination", "dport", "text")
    ]
    assert said(ask("--alerts", "--columns", "uid", db=db))[0] == 2


def test_nothing_said(db: Path) -> None:
    """No alert is a line that says why, and no failure."""
    code, line = said(ask("--alerts", "--program", "web-77", db=db))
    assert code == 0
    assert re.fullmatch(r"no alerts .*: no program in an alert is web-77", line)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--alerts --by hour", "--by conflicts with --alerts: an alert is about .*"),
        ("--alerts --uid 0", "--uid conflicts with --alerts: .*; omit one of them"),
        ("--alerts --sort time", "--sort conflicts with --alerts: .*"),
        ("--alerts --failed", "--failed conflicts with --alerts: .*"),
        ("--status --program x", "--program conflicts with --status: it is about .*"),
        ("--status --until now", "--until conflicts with --status: .*"),
        ("--status --format csv", "--status conflicts with --format csv: .*-j.*"),
        ("--forget x --since -1h", "--since conflicts with --forget: it deletes .*"),
        ("--forget x -j", "-j conflicts with --forget: .*"),
        ("--new --accept --sql", "--accept conflicts with --sql: .*"),
    ],
)
def test_refused(db: Path, words: str, expected: str) -> None:
    """What a question would ignore is refused, and nothing is done."""
    before = db.read_bytes()
    code, line = said(ask(*words.split(), db=db))
    assert code == 2
    assert re.fullmatch(expected, line), line
    assert db.read_bytes() == before


def test_all_of_the_filters(tmp_path: Path) -> None:
    """A history without alerts answers, whatever the filters are."""
    path = tmp_path / "h.db"
    history(path, attempts("a", "b", time=NOW - 60), runs=[(NOW - 9000, NOW + 3600)])
    for words in ("--program a", "-P 1", "--to-name *"):
        assert said(ask("--alerts", *words.split(), db=path))[0] == 0
