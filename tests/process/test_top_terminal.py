"""``tcpconnect top`` in a terminal: keys, sizes, pipes that stall, and signals."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import pytest

from tests.support.panes import PROMPT, TOP, Pane, is_gone, processes
from tests.support.waiting import wait_until

pytestmark = pytest.mark.packages

KEYS_LINE = "q quit"
THREADS = 3  # one draws, one writes, and one reads keys


def test_a_recording(pane: Pane, recording: str) -> None:
    """Keys change what is shown; at the end the terminal is as it was."""
    pane.run(f"{TOP} {recording}")
    pane.wait_for("192.0.2.1")
    lines = pane.wait_for(KEYS_LINE)  # it is drawn from the top
    assert lines[0].startswith("tcpconnect top web -o 'a b'")
    assert "whole recording   ended" in lines[1]
    assert KEYS_LINE in lines[23]
    pane.press("Tab")
    pane.wait_for("^curl  .*ECONNREFUSED RST")
    pane.press("Tab", "Tab")
    pane.wait_for(r"^22:13:\d\d curl .* 199 192")
    pane.press("Tab", "/", "e", "x", "a", "m")
    pane.wait_for("^/exam_")
    pane.press("Enter")
    wait_until(lambda: "192.0.2.1" not in "".join(pane.lines), "the filter")
    pane.press("Escape")
    pane.wait_for("192.0.2.1")
    pane.press("?")
    pane.wait_for("last attempts of the row")
    pane.press("q")
    pane.wait_for("192.0.2.1")
    pane.press("q")
    pane.wait_for(PROMPT)
    wait_until(lambda: not pane.is_alternate, "the screen of before")
    pane.run("echo it ended: $?")
    pane.wait_for("it ended: 0$")
    assert pane.echoes


def is_filled(pane: Pane, lines: int) -> bool:
    """Whether the screen has so many lines, and the last one is there."""
    shown = pane.lines
    return len(shown) == lines and KEYS_LINE in shown[-1]


def test_sizes(pane: Pane, recording: str) -> None:
    """It follows the terminal's size, and fills it."""
    pane.run(f"{TOP} {recording}")
    pane.wait_for("192.0.2.1")
    for columns, lines in ((200, 50), (120, 30), (40, 10), (80, 24)):
        pane.resize(columns, lines)
        wait_until(partial(is_filled, pane, lines), "the last line")
        clock = wait_until(lambda: pane.lines[0].rstrip()[-8:], "a clock")
        assert clock == "22:13:29"
        assert max(map(len, pane.lines)) == columns


def test_no_color(pane: Pane, recording: str) -> None:
    """With NO_COLOR there is none."""
    pane.run(f"{TOP} {recording}")
    pane.wait_for("192.0.2.1")
    assert "\x1b[31m" in pane.styled
    pane.press("q")
    wait_until(lambda: not pane.is_alternate, "the end")
    pane.run(f"NO_COLOR=1 {TOP} {recording}")
    pane.wait_for("192.0.2.1")
    assert "\x1b[3" not in pane.styled.replace("\x1b[39m", "")
    pane.press("q")
    wait_until(lambda: not pane.is_alternate, "the end")
    pane.run(f"NO_COLOR=1 {TOP} --color always {recording}")
    pane.wait_for("192.0.2.1")
    assert "\x1b[31m" in pane.styled
    pane.press("q")
    wait_until(lambda: not pane.is_alternate, "the end")
    pane.run(f"TERM=dumb {TOP} {recording}")
    pane.wait_for("no terminal for the live view: TERM is dumb")


def test_columns_of_attempts(pane: Pane, recording: str) -> None:
    """Options of columns have the screen show more of single attempts."""
    pane.run(f"{TOP} -TtUL --color always {recording}")
    pane.wait_for("192.0.2.1")
    pane.press("Enter")
    lines = pane.wait_for("^TIME ")
    assert lines[5].split() == (
        "TIME TIME(s) UID PROGRAM PID LPORT DESTIN… PORT RESULT LAT(ms)".split()
    )
    assert lines[6].startswith("22:13:29.900     9.900     0 curl ")


def test_a_pipe_that_ends(pane: Pane, recording: str) -> None:
    """What came before the end of the first interval is shown, too."""
    pane.run(f"cat {recording} | {TOP} -i 5 -")
    lines = pane.wait_for("192.0.2.1")
    assert "ended" in lines[1]


def test_a_pipe_that_stalls(pane: Pane, pipe: int, recording: str) -> None:
    """Keys work while nothing comes; what comes later is shown."""
    pane.run(f"cd {Path(recording).parent}; {TOP} - < pipe")
    pane.wait_for("192.0.2.1")
    pane.press("Tab")
    pane.wait_for("^curl  .*ECONNREFUSED RST")
    os.write(pipe, b'{"daddr": "192.0.2.9", "dport": 1, "comm": "wget"}\n')
    pane.wait_for("^wget ")
    pane.press("q")
    pane.wait_for(PROMPT)


def test_the_end_while_paused(pane: Pane, pipe: int, recording: str) -> None:
    """The header says that it has ended; what came meanwhile is shown later."""
    pane.run(f"cd {Path(recording).parent}; {TOP} - < pipe")
    pane.wait_for("192.0.2.1")
    pane.press("p")
    pane.wait_for("paused")
    os.write(pipe, b'{"daddr": "192.0.2.9", "dport": 1, "comm": "wget"}\n')
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), pipe)
    lines = pane.wait_for("paused   ended")
    assert not [line for line in lines if line.startswith("wget")]
    pane.press("p")
    pane.wait_for("^wget ")
    pane.press("p", "q")
    pane.wait_for(PROMPT)
    pane.run("echo it ended: $?")
    pane.wait_for("it ended: 0$")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals(pane: Pane, pipe: int, recording: str, number: int) -> None:
    """They end the screen as q does."""
    assert pipe
    pane.run(f"cd {Path(recording).parent}; {TOP} - < pipe")
    pane.wait_for("192.0.2.1")
    screen, tracer = processes(pane)
    os.kill(screen, number)
    wait_until(lambda: is_gone(screen) and is_gone(tracer), "the end of both")
    pane.run("echo it ended: $?")
    pane.wait_for("it ended: 0$")
    assert not pane.is_alternate


def test_a_terminal_that_is_closed(pane: Pane, pipe: int, recording: str) -> None:
    """Both end; Textual alone would wait for the terminal for ever."""
    assert pipe
    pane.run(f"cd {Path(recording).parent}; {TOP} - < pipe")
    pane.wait_for("192.0.2.1")
    both = processes(pane)
    pane.close()
    wait_until(lambda: all(map(is_gone, both)), "the end of both")


def test_a_screen_that_has_stopped(pane: Pane, pipe: int, recording: str) -> None:
    """The tracer reads on meanwhile, and nothing is lost."""
    pane.run(f"set +m; cd {Path(recording).parent}; {TOP} - < pipe")
    pane.wait_for("192.0.2.1")
    screen, _ = processes(pane)
    os.kill(screen, signal.SIGSTOP)
    line = b'{"daddr": "192.0.2.9", "dport": 1, "comm": "wget", "result": "OK"}\n'
    for _ in range(500):
        os.write(pipe, line * 100)
    os.kill(screen, signal.SIGCONT)
    pane.press("/", "w", "g", "e", "t", "Enter")
    pane.wait_for("^wget ")
    pane.press("Enter")
    pane.wait_for("last attempts of wget to 192.0.2.9:1")
    assert len(os.listdir(f"/proc/{screen}/task")) == THREADS
    pane.press("q")
    pane.wait_for(PROMPT)
    pane.run("echo it ended: $?")
    pane.wait_for("it ended: 0$")


def test_a_file_that_is_none(pane: Pane, tmp_path: Path) -> None:
    """A wrong file is a line, and no screen is opened."""
    (tmp_path / "wrong").write_text("nothing\n")
    pane.run(f"{TOP} {tmp_path}/wrong")
    pane.wait_for("JSON is malformed")
    pane.run("echo it ended: $?")
    pane.wait_for("it ended: 1$")
    assert not pane.is_alternate
