"""-o sqlite:PATH: a history of what is traced, beside other outputs."""

from __future__ import annotations

import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from tcpconnect.machine.capabilities import NUMBERS
from tests.support.attempts import PORT, attempt, run_tool
from tests.support.recorder import asked
from tests.support.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("netns")

OWNER = 54321
ROWS = """
SELECT program, uid, destination, dport, result, why, failed, attempts, syns
FROM windows JOIN programs USING (program_id)
JOIN destinations USING (destination_id) JOIN outcomes USING (outcome_id)"""


def test_history_beside_lines(tmp_path: Path) -> None:
    """Each has all attempts; the history has results, whatever the lines show."""
    path = tmp_path / "h.db"
    with Tool("-p", os.getpid(), "-o", f"sqlite:{path}", "-o", "-") as tool:
        for _ in range(3):
            attempt("127.0.0.9", PORT)
        assert len(tool.lines(4)) == 4
        assert tool.stop() == 0
        assert tool.said.splitlines()[:1] == [b"tcpconnect: recording as user 'root'"]
    (row,) = asked(path, ROWS)
    assert re.fullmatch(r"pytest|python[\d.]*", row[0])
    assert row[1:] == (0, "127.0.0.9", PORT, "ECONNREFUSED", "RST", 1, 3, 3)
    assert asked(path, "SELECT ended - started < 100, options FROM runs") == [
        (1, f"-p {os.getpid()} -o sqlite:{path} -o -")
    ]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.fixture
def theirs() -> Iterator[Path]:
    """Return a directory of another user, which all may reach."""
    with TemporaryDirectory(prefix="tcpconnect-test-") as name:
        os.chown(name, OWNER, OWNER)
        yield Path(name)


def test_it_belongs_to_the_owner_of_its_directory(theirs: Path) -> None:
    """Root becomes that user, and has nothing left but its rights."""
    path = theirs / "h.db"
    with Tool("-p", os.getpid(), "-o", f"sqlite:{path}") as tool:
        status = Path(f"/proc/{tool.process.pid}/status").read_text()
        attempt("127.0.0.1", PORT)
        assert tool.stop() == 0
        said = tool.said
    assert said.startswith(f"tcpconnect: recording as user '{OWNER}'\n".encode())
    for name in "Uid", "Gid":
        assert re.search(rf"^{name}:(\t{OWNER}){{4}}$", status, re.MULTILINE)
    assert re.search(r"^Groups:\t\s*$", status, re.MULTILINE)
    (permitted,) = re.findall(r"^CapPrm:\t(\w+)$", status, re.MULTILINE)
    assert not int(permitted, 16) >> NUMBERS["CAP_SETUID"] & 1
    assert asked(path, "SELECT sum(attempts) FROM windows") == [(1,)]
    assert [(f.name, f.stat().st_uid) for f in theirs.iterdir()] == [("h.db", OWNER)]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("-o sqlite", "unknown place 'sqlite'; write sqlite:PATH, or ./FILE for a"),
        ("-o sqlite:", "unknown place 'sqlite:'; write sqlite:PATH, or ./FILE for a"),
        ("-o SQLITE:x", "unknown place 'SQLITE:x'; write sqlite:PATH, or ./FILE for"),
        ("-o sqllite:x", "unknown place 'sqllite:x'; did you mean sqlite, or ./FILE"),
        ("-o http://x", "unknown place 'http://x'; write FILE, or sqlite:PATH, pro"),
        ("-c -o sqlite:x", "-c conflicts with 'sqlite:x': that place counts attempts"),
        ("-o sqlite:x --create", "--create needs a database; add -o clickhouse://"),
        ("-o x.csv --max-spool 9M", "--max-spool needs a remote place; add -o"),
        (
            "--spool x -o clickhouse://h/d?events=all -o clickhouse://h:8123/d",
            "-o names 'clickhouse://h:8123/d' twice: what waits for a place is in",
        ),
        ("-o sqlite:x -o sqlite:./x", "-o names 'x' twice; name another file"),
        ("-o x.csv -o sqlite:x.csv", "-o names 'x.csv' twice; name another file"),
    ],
)
def test_wrong_places(
    words: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are refused in one line, and no file is made."""
    monkeypatch.chdir(tmp_path)
    ended = run_tool(*words.split())
    assert (ended.returncode, ended.stdout) == (2, "")
    assert line in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is there is kept, and named."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes").write_text("some notes\n" * 100)
    (tmp_path / "link").symlink_to("notes")
    for place, line in {
        "sqlite:notes": "'notes' is no history: it is not a database of tcpconnect",
        "sqlite:link": "can't write 'link': it is a symbolic link",
        "sqlite:.": "can't write '.': Is a directory",
        "sqlite:no/h.db": "can't write 'no/h.db': No such file or directory",
    }.items():
        ended = run_tool("-o", place)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert line in ended.stderr
        assert ended.stderr.count("\n") == 1
    assert (tmp_path / "notes").read_text() == "some notes\n" * 100
