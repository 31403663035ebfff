"""The verb report, as users type it."""

from __future__ import annotations

import os
import pty
import signal
import sqlite3
import subprocess
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import launch, preloaded
from tests.support.asking import ENDLESS
from tests.support.disks import small_disk
from tests.support.histories import attempts, history
from tests.support.pages import Read
from tests.support.terminals import read_all
from tests.support.waiting import TIMEOUT_S, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = int(time.time())


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A history of the last hours."""
    made = history(
        tmp_path / "h.db",
        attempts("curl", "a.example", time=NOW - 600, count=9),
        attempts("nginx", "b.example", time=NOW - 600, result="ETIMEDOUT", count=12),
        runs=[(NOW - 7200, NOW)],
    )
    return Path(made)


def report(*words: object, **given: Any) -> subprocess.CompletedProcess[str]:
    """Run it, and return what came of it."""
    return preloaded.run("report", *words, **given)


def said(done: subprocess.CompletedProcess[str]) -> tuple[int, str]:
    """Return the exit code, and the one line on stderr."""
    assert done.stderr.startswith("tcpconnect: "), done.stderr
    assert done.stderr.count("\n") == 1
    return done.returncode, done.stderr[len("tcpconnect: ") : -1]


def test_a_file(db: Path) -> None:
    """The page goes into a file that only its owner may read; nothing is said."""
    file = db.with_name("report.html")
    done = report("--since", "-24h", "--db", db, "-o", file)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert file.stat().st_mode & 0o777 == 0o600
    page = Read(file.read_text(encoding="utf-8"))
    assert "nginx b.example:443 12 of 12 ETIMEDOUT" in page.sections["What fails"]
    assert sorted(os.listdir(db.parent)) == ["h.db", "report.html"]


def test_stdout(db: Path) -> None:
    """Without -o, and with -, it goes to stdout, if that is no terminal."""
    for words in ((), ("-o", "-")):
        done = report("--db", db, *words)
        assert done.stderr == ""
        assert "curl" in Read(done.stdout).sections["All pairs"]


@pytest.fixture
def terminal() -> Iterator[int]:
    """A terminal to write to."""
    theirs, ours = pty.openpty()
    yield ours
    os.close(theirs)
    os.close(ours)


def test_a_terminal_gets_no_page(db: Path, terminal: int) -> None:
    """On a terminal a file must be named."""
    done = report("--db", db, stdout=terminal)
    assert said(done) == (
        2,
        "a report is a page of HTML: stdout is a terminal; name a file: -o report.html",
    )


def test_who_types_it_is_told_what_was_written(db: Path) -> None:
    """On a terminal a line says what the file has."""
    theirs, ours = pty.openpty()
    done = report("--db", db, "-o", "r.html", cwd=db.parent, stderr=ours)
    os.close(ours)
    said = read_all(theirs)
    os.close(theirs)
    assert done.returncode == 0
    assert said == b"tcpconnect: wrote 'r.html': 21 attempts, 12 failed\r\n"


def test_the_history_is_never_written_over(db: Path) -> None:
    """Neither by its name, nor by another one, nor what stands beside it."""
    before = db.read_bytes()
    link = db.with_name("link.html")
    link.symlink_to(db)
    beside = db.with_name("h.db-wal")
    beside.touch()
    for path in (db, link, beside):
        code, line = said(report("--db", db, "-o", path))
        assert (code, line) == (
            2,
            f"-o '{path}' is the history itself; name another file",
        )
    code, _ = said(report("--db", f"sqlite:{db}", "-o", db))
    assert code == 2
    assert db.read_bytes() == before


def test_a_file_is_replaced_as_a_whole(db: Path) -> None:
    """Its mode stays; a link is not followed."""
    file, elsewhere = db.with_name("r.html"), db.with_name("elsewhere")
    file.write_text("old")
    file.chmod(0o644)
    assert report("--db", db, "-o", file).returncode == 0
    assert file.stat().st_mode & 0o777 == 0o644
    file.unlink()
    elsewhere.write_text("mine")
    file.symlink_to(elsewhere)
    code, line = said(report("--db", db, "-o", file))
    assert (code, line.split(": ")[1]) == (
        1,
        "it is a symbolic link; name another file",
    )
    assert elsewhere.read_text() == "mine"


@pytest.mark.root
def test_a_full_disk(db: Path) -> None:
    """The old page stays, and nothing of the new one."""
    with small_disk(8 << 10) as folder:
        (folder / "r.html").write_text("old")
        code, line = said(report("--db", db, "-o", folder / "r.html"))
        assert code == 1
        assert line.endswith("No space left on device; name another file")
        assert os.listdir(folder) == ["r.html"]
        assert (folder / "r.html").read_text() == "old"


def test_no_folder(db: Path) -> None:
    """What can't be written says why."""
    code, line = said(report("--db", db, "-o", db.with_name("none") / "r.html"))
    assert code == 1
    assert line.endswith("/none/r.html': No such file or directory; name another file")


def test_a_reader_that_goes(db: Path) -> None:
    """A closed pipe ends it quietly."""
    read, write = os.pipe()
    os.close(read)
    done = report("--db", db, stdout=write)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_nothing_there(db: Path) -> None:
    """A time without attempts gives a page, and a line that says so."""
    done = report("--db", db, "--since", "-90m", "--until", "-80m")
    code, line = said(done)
    assert code == 0
    assert line.startswith("the report is empty: the history has no such attempt, ")
    assert line.endswith("; no recorder runs: start tcpconnect record")
    assert "Nothing was recorded" in Read(done.stdout).sections


def test_no_history(tmp_path: Path) -> None:
    """Where there is none, it says what makes one."""
    code, line = said(report("--db", tmp_path / "none"))
    assert code == 1
    assert "start tcpconnect record" in line


def test_no_database(tmp_path: Path) -> None:
    """A file of something else is named."""
    other = tmp_path / "other"
    other.write_text("something else" * 99)
    code, line = said(report("--db", other))
    assert code == 1
    assert "is no history" in line


def test_a_broken_database(db: Path) -> None:
    """A file with a broken page is an error in one line."""
    with db.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (db.stat().st_size - 4096))
    code, line = said(report("--db", db))
    assert code == 1
    assert line.startswith(f"can't read the history '{db}'")


def test_times_in_the_wrong_order(db: Path) -> None:
    """It must begin before it ends."""
    done = report("--db", db, "--since", "-1h", "--until", "-2h")
    code, line = said(done)
    assert code == 2
    assert line.startswith("--since is not before --until: ")


def test_anonymized(db: Path) -> None:
    """No name is on the page."""
    done = report("--db", db, "--anonymize")
    assert "example" not in done.stdout
    assert "nginx" not in done.stdout
    assert "program-1" in done.stdout


def test_without_jinja(db: Path, tmp_path: Path) -> None:
    """Without Jinja2 it says how to install it, before it reads anything."""
    (tmp_path / "jinja2.py").write_text("raise AssertionError")
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'jinja2' else find(name, *a)\n"
    )
    start = launch.command(
        ["report", "--db", db], {**os.environ, "PYTHONPATH": str(tmp_path)}
    )
    done = subprocess.run(**start, check=False, capture_output=True, text=True)
    code, line = said(done)
    assert code == 2
    assert line.startswith("a report needs Jinja2: it is not installed; install it: ")
    assert line.endswith(" -m pip install jinja2")


def test_names_that_are_no_text(db: Path) -> None:
    """Bytes of a file that others made, which are no UTF-8, are shown as such."""
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute(
            "UPDATE programs SET program = CAST(x'61ff62' AS TEXT) WHERE program = ?",
            ("nginx",),
        )
    assert r"a\xffb" in Read(report("--db", db).stdout).sections["All pairs"]


def test_ctrl_c_ends_it_at_once(db: Path) -> None:
    """While it asks the history, too, without a word or a file."""
    with closing(sqlite3.connect(db)) as connection:
        connection.executescript(ENDLESS)
    file = db.with_name("r.html")
    start = launch.command(["report", "--db", db, "--since", "-20d", "-o", file])
    with subprocess.Popen(**start, stderr=subprocess.PIPE) as process:
        files = Path(f"/proc/{process.pid}/fd")
        wait_until(lambda: str(db) in opened(files), "it reads the history")
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=TIMEOUT_S)[1] == b""
    assert process.returncode == -signal.SIGINT
    assert os.listdir(db.parent) == ["h.db"]


def opened(files: Path) -> set[str]:
    """Return the files that a process has open."""
    found = set()
    for file in files.iterdir():
        with suppress(OSError):
            found.add(os.readlink(file))
    return found


def test_filters(db: Path) -> None:
    """Those of history choose what is on the page, which says so."""
    done = report("--db", db, "--program", "cur*")
    assert "only <code>--program &#39;cur*&#39;</code>" in done.stdout
    assert "a.example" in Read(done.stdout).sections["All pairs"]
    assert "nginx" not in done.stdout
    assert "nginx" in Read(report("--db", db, "--failed").stdout).sections["All pairs"]
