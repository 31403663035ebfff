"""Signals to ``tcpconnect -- COMMAND``, and those that end the command."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.commands import CONNECT, DAEMON, PYTHON, Result
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("netns")


@pytest.mark.parametrize("name", ["KILL", "TERM", "SEGV", "INT"])
def test_killed_by_signal(tmp_path: Path, name: str) -> None:
    """The exit code of a command that a signal has ended is 128 and its number."""
    result = Result(tmp_path, "", "sh", "-c", f"ulimit -c 0; kill -{name} $$")
    assert result.wait() == 128 + signal.Signals[f"SIG{name}"]


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
    wait_until(lambda: any(map(_zombie, children.read_text().split())), "its end")
    result.process.send_signal(signal.Signals[name])
    os.close(hold)
    os.close(release)
    assert result.wait() == 5
    assert 1 in result.ports


def _zombie(pid: str) -> bool:
    return ") Z " in Path(f"/proc/{pid}/stat").read_text()


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
