"""tcpconnect record: the daemon, as users run it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.support.attempts import PORT, attempt, run_tool
from tests.support.recorder import COUNT, asked, flushed, record
from tests.support.tool import Tool
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("netns")

UNIT = Path(__file__).parents[2] / "packaging/tcpconnect-record.service"


def test_flush_and_end(tmp_path: Path) -> None:
    """SIGUSR1 writes what waits; so does the end, which leaves one file for a group."""
    path = tmp_path / "h.db"
    with record(path) as tool:
        attempt("127.0.0.9", PORT)
        flushed(tool, path, 1)
        attempt("127.0.0.9", PORT)
        assert tool.stop(signal.SIGTERM) == 0
    assert asked(path, COUNT) == [(2,)]
    outcomes = "SELECT result, why, failed FROM outcomes"
    assert asked(path, outcomes) == [("ECONNREFUSED", "RST", 1)]
    assert [each.name for each in tmp_path.iterdir()] == ["h.db"]
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_moved_file(tmp_path: Path) -> None:
    """SIGHUP begins a new one; both are whole."""
    path = tmp_path / "h.db"
    with record(path) as tool:
        attempt("127.0.0.9", PORT)
        flushed(tool, path, 1)
        old = path.rename(tmp_path / "old.db")
        tool.process.send_signal(signal.SIGHUP)
        wait_until(path.exists, "the new file")
        attempt("127.0.0.9", PORT)
        assert tool.stop() == 0
    assert (asked(path, COUNT), asked(old, COUNT)) == ([(1,)], [(1,)])


def test_a_second_recorder(tmp_path: Path) -> None:
    """It ends with 1, and says who has the file."""
    path = tmp_path / "h.db"
    with record(path) as tool:
        wait_until(lambda: asked(path, "SELECT * FROM runs"), "a run")
        ended = run_tool("record", "-o", f"sqlite:{path}")
        assert ended.returncode == 1
        assert f"process {tool.process.pid} writes it already" in ended.stderr
        assert tool.stop() == 0


def test_killed(tmp_path: Path) -> None:
    """What was written stays; the run has no end, and the next one goes on."""
    path = tmp_path / "h.db"
    with record(path) as tool:
        attempt("127.0.0.9", PORT)
        flushed(tool, path, 1)
        tool.process.kill()
        tool.process.wait()
    with record(path) as tool:
        attempt("127.0.0.9", PORT)
        assert tool.stop() == 0
    assert asked(path, COUNT) == [(2,)]
    assert asked(path, "SELECT ended > 0 FROM runs") == [(0,), (1,)]


def test_no_command_lines_unless_asked(tmp_path: Path) -> None:
    """Those of others may hold secrets."""
    for options, has in (((), False), (("--cmdlines",), True)):
        path = tmp_path / "x.jsonl"
        with Tool("record", "-p", os.getpid(), "-o", path, *options) as tool:
            attempt("127.0.0.9", PORT)
            assert tool.stop() == 0
        assert ('"cmdline"' in path.read_text()) is has


def test_check_leaves_everything_as_it_is(tmp_path: Path) -> None:
    """It opens every place, and sends nothing."""
    (tmp_path / "a.csv").write_text("kept")
    places = [f"sqlite:{tmp_path}/h.db", tmp_path / "a.csv", tmp_path / "b.jsonl"]
    words = [word for place in places for word in ("-o", place)]
    ended = run_tool("record", "--check", *words)
    assert ended.returncode == 0, ended.stderr
    assert all(f"ok    {place}: can be written" in ended.stdout for place in places)
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "kept"
    ended = run_tool("record", "--check", "-o", f"sqlite:{tmp_path}/no/h.db")
    assert (ended.returncode, ended.stdout) == (1, "")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--max-size 1023K", "invalid size '1023K': expected 1M to 1T"),
        ("--max-size 2000T", "invalid size '2000T': expected 1M to 1T"),
        ("--keep 1s", "invalid time '1s': expected from 1d to 3650d"),
        ("--keep 500d", "--keep-days is shorter than --keep"),
        ("--keep 9d -o x.jsonl", "--keep needs a history: no place of -o is one"),
        ("--max-size 9M -o prometheus://9", "--max-size needs a history"),
        ("--spool x", "--spool needs a remote place"),
        ("--create -o otlp+http://h", "--create needs a database"),
        ("--cmdlines", "--cmdlines needs a recording"),
        ("-- ls", "record starts no command"),
        ("-c", "unknown option -c"),
    ],
)
def test_wrong_words(words: str, line: str) -> None:
    """They are refused in one line."""
    ended = run_tool("record", *words.split())
    assert (ended.returncode, ended.stdout) == (2, "")
    assert line in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_the_service_manager_hears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it is ready, alive and stopping."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        with record(tmp_path / "h.db") as tool:
            assert tool.stop() == 0
        manager.settimeout(1)
        heard = [manager.recv(100), manager.recv(100)]
        while heard[-1] == b"WATCHDOG=1":
            heard.append(manager.recv(100))
    assert (heard[0], heard[-1]) == (b"READY=1", b"STOPPING=1")


@pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not here"
)
@pytest.mark.parametrize(("more", "most"), [("", 1.6), ("network.conf", 2.5)])
def test_the_unit_is_confined(tmp_path: Path, more: str, most: float) -> None:
    """Its exposure is at most 1.6; 2.5 with a network, to hosts that are named."""
    text = UNIT.read_text()
    if more:
        text += UNIT.with_name(more).read_text().replace("#IPA", "IPA")
    unit = tmp_path / UNIT.name
    unit.write_text(text)
    words = ["systemd-analyze", "security", "--offline=true", str(unit)]
    ended = subprocess.run(words, check=False, capture_output=True, text=True)
    found = re.search(r"Overall exposure level.*: ([\d.]+)", ended.stdout)
    assert found, ended.stderr
    assert float(found[1]) <= most
