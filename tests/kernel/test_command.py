"""``tcpconnect -- COMMAND``: it and its descendants, from the first connect on."""

from __future__ import annotations

import json
import os
import pwd
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import launch
from tests.support.attempts import Child, attempt
from tests.support.tool import READY
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("netns")

NOBODY = pwd.getpwnam("nobody")
PYTHON = (sys.executable, "-SE", "-c")

CONNECT = """
import os, socket, sys
def connect(port):
    with socket.socket() as client:
        client.connect_ex(("127.0.0.1", port))
"""


class Result:
    """What the tool did with a command, and what it wrote to ``-o``."""

    def __init__(self, folder: Path, options: str, *command: str, **popen: Any) -> None:
        self.file = folder / "events"
        self.process = subprocess.Popen(
            **launch.command(
                [*options.split(), "-o", self.file, "--", *command],
                popen.pop("env", None),
            ),
            stdin=popen.pop("stdin", subprocess.DEVNULL),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **popen,
        )

        self.stdout = self.stderr = b""
        self.ready = False

    def wait(self) -> int:
        """Wait for its end; return its exit code. The ready line is cut off."""
        self.stdout, stderr = self.process.communicate(timeout=60)
        self.ready = stderr.startswith(READY)
        self.stderr = stderr.removeprefix(READY)
        return int(self.process.returncode)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The JSON objects in the file."""
        return [json.loads(line) for line in self.file.read_bytes().splitlines()]

    @property
    def ports(self) -> list[int]:
        """Their destination ports."""
        return [event["dport"] for event in self.events]


def run(folder: Path, options: str, code: str) -> Result:
    """Run Python code under the tool, which must end as the code does, with 0."""
    result = Result(folder, options, *PYTHON, CONNECT + code)
    assert (result.wait(), result.stdout, result.stderr) == (0, b"", b"")
    assert result.ready
    return result


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


DAEMON = """
ready, tell = os.pipe()
if not os.fork():
    os.setsid()
    if not os.fork():
        os.close(tell)
        for fd in (0, 1, 2):
            os.close(fd)
        os.read(ready, 1)
        connect(2)
    os._exit(0)
os.wait()
connect(1)
"""


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


@pytest.mark.parametrize("name", ["KILL", "TERM", "SEGV", "INT"])
def test_killed_by_signal(tmp_path: Path, name: str) -> None:
    """The exit code of a command that a signal has ended is 128 and its number."""
    result = Result(tmp_path, "", "sh", "-c", f"ulimit -c 0; kill -{name} $$")
    assert result.wait() == 128 + signal.Signals[f"SIG{name}"]


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


SHOW_SIGNALS = """
import signal
# Blocked: one that came just before signal.pause() would not wake it.
shown = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
signal.pthread_sigmask(signal.SIG_BLOCK, shown)
os.write(1, b"ready")
number = signal.sigwait(shown)
connect(number)
os._exit(40 + number)
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGQUIT"])
def test_signals_are_passed_on(tmp_path: Path, name: str) -> None:
    """The command gets the signal, and what it does then is traced."""
    number = signal.Signals[name]
    result = Result(tmp_path, "-j", *PYTHON, CONNECT + SHOW_SIGNALS)
    assert result.process.stdout
    assert os.read(result.process.stdout.fileno(), 5) == b"ready"
    result.process.send_signal(number)
    assert result.wait() == 40 + number
    assert result.ports == [number]


SAY_HANGUP = """
signal.signal(signal.SIGHUP, lambda *_: os.write(1, b"hangup"))
signal.signal(signal.SIGTERM, lambda *_: os._exit(3))
os.write(1, b"ready")
while True: signal.pause()
"""


def test_nohup(tmp_path: Path) -> None:
    """SIGHUP that was to be ignored when the tool started is not passed on.

    Were it, its handler would run before that of SIGTERM, whose number is higher.
    """
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        code = "import signal" + SAY_HANGUP
        result = Result(tmp_path, "-j", *PYTHON, CONNECT + code)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert result.process.stdout
    assert os.read(result.process.stdout.fileno(), 5) == b"ready"
    result.process.send_signal(signal.SIGHUP)
    result.process.send_signal(signal.SIGTERM)
    assert result.wait() == 3
    assert result.stdout == b""


def test_interrupt_is_for_the_command(tmp_path: Path) -> None:
    """SIGINT to the foreground group, as a terminal sends it, reaches the command."""
    code = SHOW_SIGNALS.replace("signal.SIGTERM", "signal.SIGINT")
    result = Result(tmp_path, "-j", *PYTHON, CONNECT + code, start_new_session=True)
    assert result.process.stdout
    assert os.read(result.process.stdout.fileno(), 5) == b"ready"
    os.killpg(result.process.pid, signal.SIGINT)
    assert result.wait() == 40 + signal.SIGINT
    assert result.ports == [signal.SIGINT]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_signal_when_only_a_daemon_is_left(tmp_path: Path, name: str) -> None:
    """When the command has ended, a signal ends the tool; the daemon continues."""
    hold, release = os.pipe()
    code = DAEMON.replace("os.read(ready, 1)", f"os.read({hold}, 1)")
    result = Result(
        tmp_path, "-j", *PYTHON, CONNECT + code + "os._exit(5)", pass_fds=[hold]
    )
    wait_until(lambda: result.file.exists() and 1 in result.ports, "the command's end")
    children = Path(f"/proc/{result.process.pid}/task/{result.process.pid}/children")
    wait_until(lambda: _zombie(children.read_text()), "the command's end")
    result.process.send_signal(signal.Signals[name])
    os.close(hold)
    os.close(release)
    assert result.wait() == 5
    assert 1 in result.ports


def _zombie(pid: str) -> bool:
    return ") Z " in Path(f"/proc/{pid.strip()}/stat").read_text()


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


@pytest.mark.usefixtures("far")
def test_results_of_a_command_that_is_killed(tmp_path: Path) -> None:
    """An attempt whose process is killed has ended when the tool does."""
    code = """
import signal
client = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
client.connect_ex(("10.2.0.1", 5))
os.kill(os.getpid(), signal.SIGKILL)
"""
    result = Result(tmp_path, "-rj", *PYTHON, CONNECT + code)
    assert result.wait() == 128 + signal.SIGKILL
    assert [event["result"] for event in result.events] == ["ABORTED"]


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


IDENTITY = """
names = ("HOME", "USER", "LOGNAME")
print(os.getresuid(), os.getresgid(), sorted(os.getgroups()))
print([os.environ.get(name) for name in names])
"""
SUDO = {
    "SUDO_UID": str(NOBODY.pw_uid),
    "SUDO_GID": str(NOBODY.pw_gid),
    "SUDO_USER": "nobody",
    "HOME": pwd.getpwuid(0).pw_dir,
    "USER": "root",
    "LOGNAME": "root",
}


def identity(folder: Path, **environment: str) -> list[str]:
    """Return what the command says of itself in an environment."""
    python = Path(sys.executable).resolve()
    readable = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else python
    command = (str(readable), "-SE", "-c", CONNECT + IDENTITY)
    result = Result(folder, "-j", *command, env={**os.environ, **environment})
    assert (result.wait(), result.stderr) == (0, b"")
    return result.stdout.decode().splitlines()


def test_sudo(tmp_path: Path) -> None:
    """Under sudo the command runs as the user who called it."""
    uid, gid = NOBODY.pw_uid, NOBODY.pw_gid
    groups = sorted(os.getgrouplist("nobody", gid))
    assert identity(tmp_path, **SUDO) == [
        f"{(uid,) * 3} {(gid,) * 3} {groups}",
        f"{[NOBODY.pw_dir, 'nobody', 'nobody']}",
    ]


def test_sudo_that_kept_variables(tmp_path: Path) -> None:
    """Variables that sudo keeps are the user's already."""
    kept = {**SUDO, "HOME": "/home/kept", "USER": "someone", "LOGNAME": "else"}
    assert identity(tmp_path, **kept)[1] == "['/home/kept', 'someone', 'else']"


@pytest.mark.parametrize("environment", [{}, {"SUDO_UID": "0", "SUDO_GID": "0"}])
def test_no_sudo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    """Without sudo, or called by root, the command runs as root."""
    for name in ("SUDO_UID", "SUDO_GID"):
        monkeypatch.delenv(name, raising=False)
    assert identity(tmp_path, **environment)[0].startswith("(0, 0, 0) (0, 0, 0)")


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
