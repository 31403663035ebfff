"""``tcpconnect replay``: what it refuses, and what it does not import late."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.recordings import recorded, run
from tests.support.rights import FINDER


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("", 2, "no recording to replay; name a file of"),
        ("nope", 1, "can't read 'nope': No such file or directory"),
        (". ", 1, "'.' is not a recording: it is a directory"),
        ("empty", 1, "'empty' is not a recording: it is empty"),
        ("history.db", 1, "'history.db' is not a recording: it is a database; "),
        ("text", 1, "can't read 'text', line 1: JSON is malformed"),
        ("a.jsonl -- curl", 2, "replay takes no command: what is recorded"),
        ("a.jsonl -o a.jsonl", 2, "'a.jsonl' would be read and written; write to"),
        ("a.jsonl -o ./link", 2, "'./link' would be read and written; write to"),
        ("a.jsonl -f", 2, "a recording can't be filtered by -f: who began whom"),
        ("a.jsonl --cgroup a", 2, "a recording can't be filtered by --cgroup: it is"),
        ("a.jsonl --cgroupmap a", 2, "a recording can't be filtered by --cgroupmap"),
        ("a.jsonl --netns blue", 2, "argument --netns: invalid inode of a network"),
        ("a.jsonl --duration 3", 2, "unknown option --duration: replay does not take"),
        ("a.jsonl --clear", 2, "--clear needs -c"),
    ],
)
def test_refused(words: str, code: int, said: str, tmp_path: Path) -> None:
    """One line says what is wrong; nothing is written."""
    before = Path(recorded(tmp_path / "a.jsonl")).read_bytes()
    (tmp_path / "link").symlink_to("a.jsonl")
    (tmp_path / "empty").touch()
    (tmp_path / "history.db").write_bytes(b"SQLite format 3\0" + bytes(80))
    (tmp_path / "text").write_text("some text")
    ran = run(*words.split(), cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (code, "")
    assert ran.stderr.startswith(f"tcpconnect: {said}")
    assert ran.stderr.count("\n") == 1
    assert (tmp_path / "a.jsonl").read_bytes() == before


def test_appended_to_itself(tmp_path: Path) -> None:
    """It would never end."""
    path = recorded(tmp_path / "a.jsonl")
    with open(path, "a") as file:
        ran = run(path, stdout=file)
    assert ran.returncode == 2
    assert ran.stderr.startswith("tcpconnect: stdout would be read and written")


@pytest.mark.parametrize("words", ["--failed", "--slower 1", "--result OK"])
def test_not_recorded(words: str, tmp_path: Path) -> None:
    """A filter by what the recording does not have says so."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"daddr": "192.0.2.1", "dport": 80}\n')
    ran = run(path, *words.split(), "-j")
    option = words.partition(" ")[0]
    assert (ran.returncode, ran.stdout) == (0, "")
    assert ran.stderr.startswith(f"tcpconnect: warning: {option} passes nothing: no ")


# What is imported once privileges are dropped is named on stderr.
WATCH = f"""{FINDER}
from tcpconnect.commands import replay
replay.keep_only = lambda *_: sys.meta_path.insert(0, Finder())
from tcpconnect.cli import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    "words",
    [
        "-rdt --summary",
        "-j -T",
        "-c -i 1 --histogram -rd",
        "--format csv --to 10.0.0.0/8 --from ::/0 --pod a --unit b --container cccc",
        "-o {path}.jsonl -o {path}.csv",
        "-rd -o sqlite:{path}.db",
    ],
)
def test_nothing_is_imported_late(words: str, tmp_path: Path) -> None:
    """By then it may run as a user who can't read modules."""
    path = recorded(tmp_path / "a.jsonl", end=False)
    ran = subprocess.run(
        [sys.executable, "-c", WATCH, "replay", path, *words.format(path=path).split()],
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0
    assert " late" not in ran.stderr
