"""The tool and its command are one job: signals, Ctrl-C and Ctrl-Z reach both."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.children import children
from tests.support.launch import TOOL, command
from tests.support.privileges import command as command_of
from tests.support.privileges import root
from tests.support.tool import READY
from tests.support.waiting import TIMEOUT_S, wait_until

if TYPE_CHECKING:
    from typing_extensions import Self

pytestmark = pytest.mark.usefixtures("netns")

STOPS = "kill -STOP $$; echo on"
CHILD_STOPS = """sh -c 'kill -STOP $$'; exit 5"""
REFUSED = b"tcpconnect: can't signal the command: Operation not permitted\n"
CTRL_C, CTRL_Z = "\x03", "\x1a"


class Shell:
    """An interactive bash on a terminal of its own."""

    def __init__(self) -> None:
        self._pid, self._leader = pty.fork()
        if not self._pid:
            environment = {**os.environ, "PS1": "$ ", "TERM": "dumb"}
            argv = ["bash", "--norc", "--noprofile", "--noediting", "-i"]
            os.execvpe("bash", argv, environment)  # noqa: S606 (no shell, on purpose)
        self._seen = ""
        self.wait_for(r"\$ $")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._leader)
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)

    def type(self, text: str) -> None:
        """Type it; what is seen begins anew."""
        self._read()
        self._seen = ""
        os.write(self._leader, text.encode())

    def _read(self) -> str:
        while select.select((self._leader,), (), (), 0)[0]:
            self._seen += os.read(self._leader, 65536).decode()
        return self._seen

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until this is seen; return it."""
        found: re.Match[str] = wait_until(
            lambda: re.search(pattern, self._read()), f"{pattern!r} in {self._seen!r}"
        )
        return found

    def tool(self) -> int:
        """Return the PID of the tool, once it has a child."""

        def running() -> int:
            for pid in children(self._pid):
                if children(pid):
                    return pid
            return 0

        return int(wait_until(running, "the tool"))

    def run(self, *argv: str) -> int:
        """Have the tool run a command; return its PID."""
        words = " ".join(f"'{word}'" for word in argv)
        self.type(f"{TOOL} -o /dev/null -- {words}; echo code=$?\n")
        return self.tool()


def state(pid: int) -> str:
    """Return the state of a process, T when it has stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


def wait_until_stopped(pid: int) -> None:
    """Wait until a process has stopped."""
    wait_until(lambda: state(pid) == "T", "the process to stop")


def last_descendant(pid: int) -> int:
    """Return the child of the child, and so on, of a process."""
    while found := children(pid):
        pid = found[0]
    return pid


@pytest.mark.parametrize(("script", "code"), [(STOPS, 130), (CHILD_STOPS, 130)])
def test_ctrl_c_when_it_has_stopped_itself(script: str, code: int) -> None:
    """A command, or a child of it, that has stopped gets the SIGINT of Ctrl-C."""
    with Shell() as shell:
        tool = shell.run("sh", "-c", script.replace("'", "'\\''"))
        wait_until(lambda: state(last_descendant(tool)) == "T", "it to stop")
        shell.type(CTRL_C)
        shell.wait_for(f"code={code}\r\n")


def in_own_group(*argv: str) -> subprocess.Popen[bytes]:
    """Start the tool with a command, in a process group that is no terminal's.

    SIGTSTP does not stop groups of which nobody takes care; ours may be one.
    """
    return subprocess.Popen(
        **command(["-o", "/dev/null", "--", *argv]),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: os.setpgid(0, 0),  # noqa: PLW1509
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("stop", ["STOP", "TSTP"])
def test_signal_when_it_has_stopped_itself(number: int, stop: str) -> None:
    """A signal to the tool alone reaches a command that has stopped."""
    with in_own_group("sh", "-c", f"kill -{stop} $$; echo on") as process:
        pid = wait_until(lambda: children(process.pid), "the command")[0]
        wait_until_stopped(pid)
        process.send_signal(number)
        out, _ = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, out) == (128 + number, b"")


def test_a_stranger_that_has_stopped_stays_so() -> None:
    """Others of the process group, which a script started, are not continued."""
    with in_own_group("sleep", "1000") as process:
        assert process.stderr
        assert process.stderr.readline() == READY
        with subprocess.Popen(
            ["sleep", "1000"],
            preexec_fn=lambda: os.setpgid(0, process.pid),  # noqa: PLW1509
        ) as stranger:
            try:
                stranger.send_signal(signal.SIGSTOP)
                wait_until_stopped(stranger.pid)
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=TIMEOUT_S)
                assert state(stranger.pid) == "T"
            finally:
                stranger.kill()
    assert process.returncode == 128 + signal.SIGTERM


def test_sigint_to_the_tool_alone() -> None:
    """Where no terminal has sent it to the command, too, it is passed on."""
    script = "trap 'exit 9' INT; echo up; while :; do sleep 0.1; done"
    with in_own_group("sh", "-c", script) as process:
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 9


def test_ctrl_z_stops_both() -> None:
    """Ctrl-Z returns to the shell, and fg continues the tool and its command."""
    with Shell() as shell:
        tool = shell.run("sh", "-c", "read line; echo got $line; exit 7")
        (pid,) = children(tool)
        shell.type(CTRL_Z)
        shell.wait_for(r"(?s)Stopped.*\$ $")
        wait_until(lambda: state(tool) == state(pid) == "T", "both to stop")
        shell.type("fg; echo code=$?\n")
        wait_until(lambda: state(tool) != "T" and state(pid) != "T", "both to go on")
        shell.type("it\n")
        shell.wait_for("got it\r\n")
        shell.wait_for("code=7\r\n")


def test_ctrl_z_and_fg_when_it_has_stopped_itself() -> None:
    """A command that has stopped itself continues with fg, like a stopped one."""
    with Shell() as shell:
        tool = shell.run("sh", "-c", STOPS)
        (pid,) = children(tool)
        wait_until_stopped(pid)
        shell.type(CTRL_Z)
        shell.wait_for(r"(?s)Stopped.*\$ $")
        shell.type("fg\n")
        shell.wait_for("on\r\n")


ELSEWHERE = """
import os, signal
os.setpgid(0, 0)
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.write(1, b"here")
signal.pause()
"""


def test_command_in_a_group_of_its_own() -> None:
    """Where Ctrl-C of the terminal does not reach it, the tool passes it on."""
    begin = command(["-o", "/dev/null", "--", sys.executable, "-SE", "-c", ELSEWHERE])
    with subprocess.Popen(
        **begin, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.read(4) == b"here"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130


TRAPS = """
trap 'echo int' INT
trap 'exit 9' TERM
echo up
while :; do sleep 1; done
"""


def test_a_command_that_runs_gets_ctrl_c_once(tmp_path: Path) -> None:
    """What has not stopped is sent nothing by the tool but what continues it."""
    script = tmp_path / "traps"
    script.write_text(TRAPS)
    with Shell() as shell:
        tool = shell.run("bash", str(script))
        shell.wait_for("up\r\n")
        shell.type(CTRL_C)
        shell.wait_for("int\r\n")
        os.kill(tool, signal.SIGTERM)
        seen = shell.wait_for(r"(?s)int\r\n(.*)code=9\r\n").group(1)
        assert "int" not in seen


def test_command_that_can_not_be_signalled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line says so, and both continue."""
    setid = ("CAP_SETUID", "CAP_SETGID")
    for name, value in (("UID", "1"), ("GID", "1"), ("USER", "daemon")):
        monkeypatch.setenv(f"SUDO_{name}", value)
    words = ["-o", "/dev/null", "--", "sh", "-c", "echo; read line; exit 3"]
    begin = command_of(root("CAP_BPF", "CAP_PERFMON", *setid), words)
    for stream in ("stdin", "stdout", "stderr"):
        begin[stream] = subprocess.PIPE
    with subprocess.Popen(**begin) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == b"\n"
        process.send_signal(signal.SIGTERM)
        *_, said = iter(process.stderr.readline, REFUSED)
        assert said == READY
        process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 3
