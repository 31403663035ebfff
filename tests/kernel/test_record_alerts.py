"""tcpconnect record --alert, as users run it."""

from __future__ import annotations

import json
import os
import select
import signal
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.attempts import PORT, attempt, run_tool
from tests.support.recorder import COUNT, asked, baseline_of, record
from tests.support.servers import Server
from tests.support.tool import Tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.network import NetNs

pytestmark = pytest.mark.usefixtures("netns")

OWNER = 54321
KNOWN, NEW, OTHER = "127.1.0.1", "127.2.0.1", "127.3.0.1"  # networks are compared


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what this process is known for."""
    return baseline_of(tmp_path_factory.mktemp("before"), KNOWN)


@contextmanager
def alerting(path: Path, *options: object) -> Iterator[Tool]:
    """Run a recorder that alerts what is new, until the end of the body."""
    with record(path, "--alert", "new", *options) as tool:
        yield tool
        assert tool.stop() == 0


def alerts(tool: Tool) -> list[dict[str, Any]]:
    """Return the alerts that it has printed."""
    return [line["alert"] for line in tool.all_events()]


def destinations(tool: Tool) -> list[str]:
    """Return what they are about."""
    return [alert["destination"] for alert in alerts(tool)]


def listed(path: Path) -> list[dict[str, Any]]:
    """Return the alerts that a history lists."""
    ended = run_tool("history", "--db", path, "--alerts", "-j")
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def test_new(tmp_path: Path, baseline: Path) -> None:
    """One line for each new pair, once; the history lists it; a restart adds none."""
    path = tmp_path / "h.db"
    with alerting(path, "--baseline", baseline) as tool:
        for address in (KNOWN, NEW, NEW):
            attempt(address, PORT)
    (alert,) = alerts(tool)
    assert alert["kind"] == "new"
    assert (alert["destination"], alert["dport"], alert["attempts"]) == (NEW, PORT, 2)
    assert alert["text"].endswith(
        f"connected to {NEW}:{PORT} for the first time, and failed: ECONNREFUSED RST"
    )
    assert [row["destination"] for row in listed(path)] == [NEW]
    with alerting(path) as tool:
        for address in (KNOWN, NEW, OTHER):
            attempt(address, PORT)
    assert destinations(tool) == [OTHER]
    assert sorted(row["destination"] for row in listed(path)) == [NEW, OTHER]


def test_no_reader(tmp_path: Path, baseline: Path) -> None:
    """One that reads nothing delays nobody: what it did not get is printed later."""
    path = tmp_path / "h.db"
    read, write = os.pipe()
    os.set_blocking(write, False)
    with suppress(BlockingIOError):
        while True:
            os.write(write, bytes(select.PIPE_BUF))
    os.set_blocking(write, True)
    options = ("--alert", "new", "--baseline", baseline)
    with record(path, *options, stdout=write) as tool:
        attempt(NEW, PORT)
        assert tool.stop() == 0
    os.close(write)
    os.close(read)
    assert [row["destination"] for row in listed(path)] == [NEW]
    with alerting(path) as tool:
        pass
    assert destinations(tool) == [NEW]


def test_accepted(tmp_path: Path, baseline: Path) -> None:
    """What history --new --accept shows is not new when the recorder goes on."""
    path = tmp_path / "h.db"
    with record(path) as tool:
        attempt(NEW, PORT)
        assert tool.stop() == 0
    ended = run_tool("history", "--db", path, "--new", "--accept")
    assert ended.returncode == 0, ended.stderr
    with alerting(path, "--baseline", baseline) as tool:
        attempt(NEW, PORT)
        attempt(OTHER, PORT)
    assert destinations(tool) == [OTHER]


def test_a_program(tmp_path: Path, baseline: Path) -> None:
    """It is run for each alert, with its line on stdin, without a shell."""
    hook = tmp_path / "a hook"
    hook.write_text(f"#!/bin/sh\nexec cat >>'{tmp_path}/got'\n")
    hook.chmod(0o755)
    (tmp_path / "got").touch()
    place = f"exec:{hook}"
    with alerting(tmp_path / "h.db", "--baseline", baseline, "--notify", place) as tool:
        attempt(NEW, PORT)
    assert (tmp_path / "got").read_bytes() == tool.stdout
    assert destinations(tool) == [NEW]


def test_servers(tmp_path: Path, baseline: Path, netns: NetNs) -> None:
    """Alertmanager and OpenTelemetry get it; what the tool sends is not recorded."""
    path = tmp_path / "h.db"
    with Server() as manager, Server() as collector:
        places = f"http://127.0.0.1:{manager.port}/am otlp+http://127.0.0.1:"
        words = [
            w for p in f"{places}{collector.port}".split() for w in ("--notify", p)
        ]
        with Tool(
            *(
                "record",
                "--netns",
                netns.inode,
                "-o",
                f"sqlite:{path}",
                "--alert",
                "new",
            ),
            *("--baseline", baseline, *words),
        ) as tool:
            attempt(NEW, PORT)
            assert tool.stop() == 0
    assert destinations(tool) == [NEW]
    (sent,) = manager.requests
    assert sent.path == "/am/api/v2/alerts"
    assert sent.body[0]["labels"]["destination"] == NEW
    (sent,) = collector.requests
    assert sent.path == "/v1/logs"
    assert asked(path, COUNT) == [(1,)]


def test_killed(tmp_path: Path, baseline: Path) -> None:
    """What a run has printed is not printed again, and what it missed is new still."""
    path = tmp_path / "h.db"
    with record(path, "--alert", "new", "--baseline", baseline) as tool:
        attempt(NEW, PORT)
        tool.lines(1)  # a window is over
        kept = tmp_path / "h.db.alerts"
        waiting = "SELECT * FROM alert_waiting"
        wait_until(lambda: not asked(kept, waiting), "the mark that it was sent")
        tool.process.send_signal(signal.SIGKILL)
        tool.process.wait()
        assert destinations(tool) == [NEW]
    with alerting(path) as tool:
        attempt(NEW, PORT)
        attempt(OTHER, PORT)
    assert destinations(tool) == [OTHER]
    assert sorted(row["destination"] for row in listed(path)) == [NEW, OTHER]


def test_another_user(baseline: Path) -> None:
    """Root becomes who owns the directory, and goes on as that."""
    with TemporaryDirectory(prefix="tcpconnect-test-") as name:
        path = Path(name, "h.db")
        os.chown(name, OWNER, OWNER)
        hook = Path(name, "hook")
        hook.write_text(f"#!/bin/sh\nexec id -u >{name}/who\n")
        hook.chmod(0o755)
        options = ("--baseline", baseline, "--notify", f"exec:{hook}")
        for address in (NEW, OTHER):  # at the start, and when the files are there
            with alerting(path, *options) as tool:
                attempt(address, PORT)
            assert destinations(tool) == [address]
            assert Path(name, "who").read_text() == f"{OWNER}\n"
        assert sorted(row["destination"] for row in listed(path)) == [NEW, OTHER]
        kept = Path(f"{path}.alerts")
        assert (kept.stat().st_uid, kept.stat().st_mode & 0o777) == (OWNER, 0o640)
        assert not [each.name for each in Path(name).glob("*-wal")]


def test_a_program_that_hangs(tmp_path: Path, baseline: Path) -> None:
    """It does not hold up the end, nor outlive it; its alert waits for the next run."""
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\necho $$ >{tmp_path}/pid\nsleep 1000\n")
    hook.chmod(0o755)
    path = tmp_path / "h.db"
    with alerting(path, "--baseline", baseline, "--notify", f"exec:{hook}"):
        attempt(NEW, PORT)
    pid = (tmp_path / "pid").read_text().strip()
    wait_until(lambda: not is_running(pid), "its end")
    (waiting,) = asked(tmp_path / "h.db.alerts", "SELECT channel FROM alert_waiting")
    assert waiting == (f"exec:{hook}",)


def is_running(pid: str) -> bool:
    """Return whether a process has not ended, be it reaped or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def test_a_program_of_root(baseline: Path) -> None:
    """Whom root becomes can't run it: that is said at the start."""
    with TemporaryDirectory(prefix="tcpconnect-test-") as name:
        os.chown(name, OWNER, OWNER)
        hook = Path(name, "hook")
        hook.write_text("#!/bin/sh\n")
        hook.chmod(0o700)
        words = ("record", "--check", "-o", f"sqlite:{name}/h.db", "--alert", "new")
        for path, reason in (hook, "it is not executable"), (baseline, "Permission"):
            ended = run_tool(*words, "--notify", f"exec:{path}")
            assert ended.returncode == 2
            assert reason in ended.stderr
            assert ended.stderr.count("\n") == 1


def test_check(tmp_path: Path, baseline: Path) -> None:
    """--check opens what alerts need, too."""
    place = f"sqlite:{tmp_path}/h.db"
    words = ("record", "--check", "-o", place, "--alert", "new")
    assert run_tool(*words, "--baseline", baseline).returncode == 0
    ended = run_tool(*words, "--baseline", tmp_path / "none")
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "none" in ended.stderr


NOTIFY = "argument --notify: invalid place of alerts"
REFUSED = [
    ("--learn 1h", 2, "--learn needs --alert new"),
    ("--alert failing --learn 1h", 2, "--learn needs --alert new"),
    ("--notify exec:/bin/true", 2, "--notify needs --alert new,failing"),
    ("--alert failing --baseline x", 2, "--baseline needs --alert new"),
    ("--alert knew", 2, "argument --alert: invalid choice 'knew'"),
    ("--alert new --learn soon", 2, "argument --learn: invalid time 'soon'"),
    ("--alert new --notify mailto:me", 2, f"{NOTIFY} 'mailto:me': it names no"),
    ("--alert new --notify exec:true", 2, f"{NOTIFY} 'exec:true': the path"),
    ("--alert new --notify http://u:p@h", 2, f"{NOTIFY} '…@…': all users see it"),
    ("--alert new --notify exec:/none", 2, "can't run '/none' for alerts"),
    ("--alert new --baseline {}/list", 2, "invalid baseline '{}/list', line 2: "),
    ("--alert new --baseline {}/none", 1, "can't read '{}/none'"),
    ("--alert new -o -", 2, "--alert conflicts with -o -"),
]


@pytest.mark.parametrize(("words", "code", "said"), REFUSED)
def test_refused(words: str, code: int, said: str, tmp_path: Path) -> None:
    """What can't be meant is refused in one line."""
    good = '{"program": "a", "destination": "b", "dport": 1}\n'
    (tmp_path / "list").write_text(f"{good}nonsense\x1b[2J\n")
    place = f"sqlite:{tmp_path}/h.db"
    given = words.format(tmp_path).split()
    ended = run_tool("record", "-o", place, *given, "--duration", "0.1")
    assert ended.returncode == code, ended.stderr
    assert ended.stderr.startswith(f"tcpconnect: {said.format(tmp_path)}")
    assert (ended.stderr.count("\n"), "\x1b" in ended.stderr) == (1, False)
    assert ended.stdout == ""
