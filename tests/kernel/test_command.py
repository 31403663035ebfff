"""``tcpconnect -- COMMAND``: it and its descendants, from the first connect on."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support import launch
from tests.support.attempts import Child, attempt
from tests.support.commands import CONNECT, DAEMON, PYTHON, Result, run
from tests.support.tool import READY

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("netns")


def test_first_action_is_a_connect(tmp_path: Path) -> None:
    """The very first connect of the command is seen, with its own PID."""
    result = run(tmp_path, "-j", "connect(1)")
    (event,) = result.events
    assert event["dport"] == 1
    assert event["pid"] != result.process.pid


def many_attempts() -> None:
    """Be the other traffic."""
    for _ in range(50):
        attempt("127.0.0.1", 9)


def test_short_lived_descendants(tmp_path: Path) -> None:
    """200 processes of one connect each are all seen, and nothing of others."""
    code = """
for port in range(1, 201):
    pid = os.fork()
    if not pid:
        connect(port)
        os._exit(0)
    if port % 10 == 0:
        while True:
            try:
                os.wait()
            except ChildProcessError:
                break
"""
    with Child(many_attempts) as noise:
        result = Result(tmp_path, "-j", *PYTHON, CONNECT + code)
        while result.process.poll() is None:
            noise.run()
        assert result.wait() == 0
    assert sorted(result.ports) == list(range(1, 201))
    assert len({event["pid"] for event in result.events}) == 200


def test_grandchildren_and_threads(tmp_path: Path) -> None:
    """Children of children, vfork, exec and threads belong to it."""
    code = f"""
import subprocess, threading
thread = threading.Thread(target=connect, args=(1,))
thread.start()
thread.join()
inner = {CONNECT!r} + "connect(%d)"
python = {PYTHON!r}
subprocess.run([*python, inner % 2])
subprocess.run(["sh", "-c", '"$@"; true', "sh", *python, inner % 3])
"""
    assert run(tmp_path, "-j", code).ports == [1, 2, 3]


def test_daemon_is_waited_for(tmp_path: Path) -> None:
    """What has left its parent and session is traced until it has ended."""
    assert run(tmp_path, "-j", DAEMON).ports == [1, 2]


def test_ends_at_once(tmp_path: Path) -> None:
    """A command that connects to nothing ends the tool without an event."""
    assert run(tmp_path, "-j", "").events == []


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_exit_code(tmp_path: Path, code: int) -> None:
    """The exit code is the command's."""
    assert Result(tmp_path, "", "sh", "-c", f"exit {code}").wait() == code


def test_exit_code_is_the_commands_not_a_descendants(tmp_path: Path) -> None:
    """Who outlives the command does not change its exit code."""
    code = CONNECT + DAEMON + "os._exit(3)"
    assert Result(tmp_path, "-j", *PYTHON, code).wait() == 3


@pytest.mark.parametrize(
    ("command", "code", "reason"),
    [
        ("no-such-command", 127, "No such file or directory"),
        ("", 127, "No such file or directory"),
        ("/no/such/command", 127, "No such file or directory"),
        ("/etc/passwd", 126, "Permission denied"),
        ("/", 126, "Permission denied"),
    ],
)
def test_can_not_start(tmp_path: Path, command: str, code: int, reason: str) -> None:
    """One line says why, and the exit code is that of shells."""
    result = Result(tmp_path, "", command)
    assert result.wait() == code
    assert result.stderr.decode() == f"tcpconnect: can't start {command!r}: {reason}\n"


def test_standard_streams_are_the_commands(tmp_path: Path) -> None:
    """Its stdin, stdout and stderr are the tool's, untouched."""
    with open(tmp_path / "in", "wb+") as file:
        file.write(b"hello")
        file.seek(0)
        result = Result(tmp_path, "", "sh", "-c", "cat; echo bad >&2", stdin=file)
        assert result.wait() == 0
    assert (result.stdout, result.stderr) == (b"hello", b"bad\n")


def test_lines_go_to_stderr() -> None:
    """Without -o the lines are on stderr, and stdout has what the command writes."""
    code = CONNECT + "connect(7); print('mine')"
    command = launch.command(["--columns", "dport", "--", *PYTHON, code])
    result = subprocess.run(**command, check=True, capture_output=True)
    assert (result.stdout, result.stderr) == (b"mine\n", READY + b"DPORT\n7\n")


def test_count_comes_at_the_end(tmp_path: Path) -> None:
    """-c shows its table when all have ended."""
    result = run(tmp_path, "-c -j", "connect(1); connect(1)")
    (flow,) = result.events
    assert (flow["dport"], flow["connects"], flow["failed"]) == (1, 2, 2)


def test_filters_go_with_a_command(tmp_path: Path) -> None:
    """Of the command's connects, those that pass the other filters are shown."""
    code = "connect(1); connect(2); connect(3)"
    assert run(tmp_path, "-j -P 1,2 --not-port 1", code).ports == [2]


def test_limit_does_not_end_the_command(tmp_path: Path) -> None:
    """When the trace is over before the command, the command is waited for."""
    code = CONNECT + "connect(1); connect(2); connect(3); sys.exit(9)"
    result = Result(tmp_path, "-j --limit 1", *PYTHON, code)
    assert result.wait() == 9
    assert result.ports == [1]


def test_output_is_private(tmp_path: Path) -> None:
    """The file is for its owner only; what was in it is gone."""
    result = run(tmp_path, "-j", "connect(1)")
    assert stat.S_IMODE(result.file.stat().st_mode) == 0o600
    assert run(tmp_path, "-j", "connect(2)").ports == [2]


def test_output_follows_no_link(tmp_path: Path) -> None:
    """A link is refused, and the command not started."""
    (tmp_path / "target").write_text("precious")
    (tmp_path / "events").symlink_to(tmp_path / "target")
    result = Result(tmp_path, "", "touch", str(tmp_path / "started"))
    assert (result.wait(), result.stdout) == (1, b"")
    assert result.stderr.decode() == (
        f"tcpconnect: can't write {str(result.file)!r}: it is a symbolic link; "
        "name another file\n"
    )
    assert (tmp_path / "target").read_text() == "precious"
    assert not (tmp_path / "started").exists()


def test_output_without_a_command(tmp_path: Path) -> None:
    """-o FILE takes the lines in every mode."""
    file = tmp_path / "events"
    command = launch.command(["-j", "-p", os.getpid(), "--limit", 1, "-o", file])
    with subprocess.Popen(
        **command, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as tool:
        assert tool.stderr
        assert tool.stderr.readline() == READY
        attempt("127.0.0.1", 1)
        out, _ = tool.communicate(timeout=60)
    assert out == b""
    assert json.loads(file.read_text())["dport"] == 1


def test_refused_with_pids(tmp_path: Path) -> None:
    """-p makes no sense with a command, and is refused before it starts."""
    result = Result(tmp_path, "-p 1", "touch", str(tmp_path / "started"))
    assert (result.wait(), result.stdout) == (2, b"")
    assert result.stderr.decode() == (
        "tcpconnect: -p conflicts with a command: the command and its "
        "descendants are traced; omit -p\n"
    )
    assert not (tmp_path / "started").exists()
