"""``tcpconnect top`` when one of its processes crashes, or is killed."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.panes import TOP, Pane, is_gone, processes
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.packages

# The program with a bug in what a key does, in what is drawn, and in what is read.
PROGRAM = """
import sys
from tcpconnect.live.board import Board
from tcpconnect.live.state import State
def wrong(*_):
    raise ValueError("wrong on purpose")
{bug}
from tcpconnect.cli import main
sys.exit(main())
"""
BUGS = {
    "key": "State.reverse = wrong",
    "line": "State.reverse = lambda _: setattr(Board, 'line', wrong)",
    "read": "State.reverse = lambda _: setattr(Board, 'take', wrong)",
}


def assert_given_back(pane: Pane, code: int) -> None:
    """Check that the terminal is the shell's, and which exit code it got."""
    wait_until(lambda: not pane.is_alternate, "the screen of before")
    pane.run("echo it ended: $?")
    pane.wait_for(f"it ended: {code}$")
    assert pane.echoes


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_of_the_screen(pane: Pane, pipe: int, tmp_path: Path, bug: str) -> None:
    """It ends both, with one line that says what it was."""
    (tmp_path / "program.py").write_text(PROGRAM.format(bug=BUGS[bug]))
    program = f"{shlex.quote(sys.executable)} program.py"
    pane.run(f"cd {tmp_path}; {program} top - < pipe 2> said")
    pane.wait_for("192.0.2.1")
    both = processes(pane)
    pane.press("r")
    os.write(pipe, b'{"daddr": "192.0.2.9", "dport": 1, "comm": "wget"}\n')
    wait_until(lambda: all(map(is_gone, both)), "the end of both")
    assert_given_back(pane, 1)
    assert (tmp_path / "said").read_text() == (
        "tcpconnect: internal error: ValueError: wrong on purpose; "
        "please report it with the output of -v\n"
    )


@pytest.mark.parametrize("source", ["- < pipe", "a.jsonl"])
@pytest.mark.usefixtures("pipe")
def test_the_screen_is_killed(pane: Pane, tmp_path: Path, source: str) -> None:
    """The tracer says so and gives the terminal back, also of a file that was read."""
    pane.run(f"cd {tmp_path}; {TOP} {source} 2> said")
    pane.wait_for("192.0.2.1")
    screen, tracer = processes(pane)
    os.kill(screen, signal.SIGKILL)
    wait_until(lambda: is_gone(tracer), "the tracer's end")
    assert_given_back(pane, 128 + signal.SIGKILL)
    assert (
        (tmp_path / "said").read_text().startswith("tcpconnect: the screen was killed")
    )


@pytest.mark.parametrize("key", ["Tab", "p"])
@pytest.mark.usefixtures("pipe")
def test_the_tracer_is_killed(pane: Pane, tmp_path: Path, key: str) -> None:
    """The screen ends with a line about it, also while it is paused."""
    pane.run(f"cd {tmp_path}; {TOP} - < pipe 2> said")
    pane.wait_for("192.0.2.1")
    pane.press(key)
    pane.wait_for("paused" if key == "p" else "^curl  .*ECONNREFUSED RST")
    screen, tracer = processes(pane)
    os.kill(tracer, signal.SIGKILL)
    wait_until(lambda: is_gone(screen), "the end of the screen")
    assert_given_back(pane, 1)
    assert (tmp_path / "said").read_text() == (
        "tcpconnect: the tracer was killed: SIGKILL; start it again\n"
    )
