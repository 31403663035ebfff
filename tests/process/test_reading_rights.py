"""Root gives up its rights before it reads a history that anyone may have made."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from tcpconnect.machine.capabilities import NUMBERS
from tests.support import launch
from tests.support.asking import ENDLESS, ask, filled, rows
from tests.support.rights import WATCH
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.root

USER = 1234
READ_ALL = 1 << NUMBERS["CAP_DAC_READ_SEARCH"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that others reach: pytest closes its own to them."""
    with TemporaryDirectory(prefix="tcpconnect-test-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@pytest.fixture
def db(folder: Path) -> Path:
    """Return a history of another user, in a folder of theirs."""
    theirs = folder / "theirs"
    theirs.mkdir()
    path = filled(theirs / "h.db")
    for each in (theirs, path):
        os.chown(each, USER, USER)
        each.chmod(0o700)
    return path


def who_reads(db: Path, verb: str = "history") -> tuple[int, int]:
    """Return which user reads a history, and with which capabilities."""
    with closing(sqlite3.connect(db)) as connection:
        connection.executescript(ENDLESS)
    start = launch.command([verb, "--db", db])
    with subprocess.Popen(**start, stdout=subprocess.DEVNULL) as process:
        files = Path(f"/proc/{process.pid}/fd")

        def reads() -> bool:
            opened = []
            for fd in files.iterdir():
                with suppress(OSError):  # it was closed since
                    opened.append(os.readlink(fd))
            return str(db) in opened

        wait_until(reads, "it reads the history")
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        process.send_signal(signal.SIGINT)
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    return int(status["Uid"].split()[0]), int(status["CapPrm"], 16)


@pytest.mark.parametrize("verb", ["history", "report"])
def test_the_owner_reads(db: Path, verb: str) -> None:
    """Root becomes the owner, who may do nothing else."""
    assert who_reads(db, verb) == (USER, 0)


def test_a_history_of_root(folder: Path) -> None:
    """Root stays itself, without capabilities."""
    assert who_reads(filled(folder / "h.db")) == (0, 0)


def test_an_owner_who_can_not_open_it(db: Path) -> None:
    """Root may read all files then, and nothing else."""
    os.chown(db.parent, 0, 0)
    assert who_reads(db) == (0, READ_ALL)
    db.parent.chmod(0o755)


@pytest.mark.parametrize(
    "words",
    [
        *(
            "",
            "-j",
            "--format csv",
            "--color always",
            "--status",
            "--status -j",
            "--sql",
        ),
        *("--alerts", "--alerts --program x", "--program ngimx", "--new", "--failing"),
        *("--new --accept", "--forget curl", "--forget ngimx.service", "--by hour,uid"),
        *("--pod web-7 --unit x --container y", "--to 10.0.0.0/8 -6 --to-name a*"),
    ],
)
def test_nothing_is_imported_late(db: Path, words: str) -> None:
    """Whoever it is by then may not be able to read modules."""
    code, said = watched("history", "--db", db, *words.split())
    assert " late\n" not in said
    assert code == int("--forget n" in words)


def watched(*words: object) -> tuple[int, str]:
    """Return the exit code, and what is said on stderr, also about late imports."""
    argv = [sys.executable, "-c", WATCH, *map(str, words)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert "given up, root: " in done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", ["", "--anonymize", "--program nix", "--failed -4"])
def test_root_writes_the_page(folder: Path, db: Path, words: str) -> None:
    """Where only root may; what reads the history imports nothing by then."""
    ours = folder / "ours"
    ours.mkdir(mode=0o700)
    page = ours / "r.html"
    options = ("--db", db, "--since", "-1h", *words.split())
    code, said = watched("report", *options, "-o", page)
    assert (code, " late\n" in said) == (0, False)
    assert (page.stat().st_uid, page.stat().st_mode & 0o777) == (0, 0o600)
    assert page.read_text().rstrip().endswith("</html>")
    assert watched("report", *options)[0] == 0
    assert os.listdir(ours) == ["r.html"]
    code, said = watched("report", *options, "-o", ours / "none/r.html")
    assert code == 1
    assert "/none/r.html': No such file or directory; name another file\n" in said


def test_changed(db: Path) -> None:
    """What root deletes and accepts leaves all files to their owner."""
    assert ask("--forget", "curl", db=db).returncode == 0
    assert ask("--new", "--accept", db=db).stderr.endswith("will report them as new\n")
    assert {path.stat().st_uid for path in db.parent.iterdir()} == {USER}
    assert {row["program"] for row in rows(db=db)} == {"nginx.service", "shop/web-7"}
