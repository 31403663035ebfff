"""Output that is not read: a second signal ends the tool, whatever it waits for."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import PORT, attempt, run_tool
from tests.support.launch import command
from tests.support.tool import READY, Tool
from tests.support.waiting import TIMEOUT_S, until_writing, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("netns")

SMALL = 4096
SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


def blocked(output: str) -> str:
    """Return the line that names an output which is not read."""
    return (
        f"tcpconnect: waiting to write to {output}: the reader has stopped reading; "
        "a second signal ends tcpconnect and discards the rest\n"
    )


@contextmanager
def full_pipe() -> Iterator[int]:
    """Yield the write end of a pipe that is full and is not read."""
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, SMALL)
    os.write(write, bytes(SMALL))
    try:
        yield write
    finally:
        os.close(read)
        os.close(write)


@contextmanager
def full_fifo(path: Path) -> Iterator[Path]:
    """Yield a named pipe that is full and is not read."""
    os.mkfifo(path)
    fd = os.open(path, os.O_RDWR)
    fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, SMALL)
    os.write(fd, bytes(SMALL))
    try:
        yield path
    finally:
        os.close(fd)


def catches(pid: int, number: int) -> bool:
    """Tell whether a process has a handler for a signal."""
    text = Path(f"/proc/{pid}/status").read_text()
    mask = int(text.partition("SigCgt:")[2].split()[0], 16)
    return bool(mask >> (number - 1) & 1)


def command_has_ended(pid: int) -> bool:
    """Tell whether the only child of a process is a zombie."""
    child = Path(f"/proc/{pid}/task/{pid}/children").read_text().strip()
    return bool(child) and ") Z " in Path(f"/proc/{child}/stat").read_text()


def ends_at_the_second(process: subprocess.Popen[bytes], number: int) -> None:
    """Check that the first signal is taken, and that the second one ends it."""
    process.send_signal(number)
    wait_until(lambda: not catches(process.pid, number), "the first to be taken")
    assert process.poll() is None
    process.send_signal(number)
    assert process.wait(TIMEOUT_S) == -number


@SIGNALS
@pytest.mark.parametrize(
    "options", ["", "-r", "-c", "-cr --histogram", "--limit 1", "--duration 0.01"]
)
def test_pipe(number: int, options: str) -> None:
    """Without a command, before and after the trace has ended by itself."""
    words = ("-p", os.getpid(), *options.split())
    with full_pipe() as write, Tool(*words, stdout=write) as tool:
        attempt("127.0.0.1", PORT)
        if "-c" not in options:  # which writes at the end only
            until_writing(tool.process.pid)
        ends_at_the_second(tool.process, number)


@SIGNALS
@pytest.mark.parametrize("options", ["", "-c", "--limit 1", "--duration 0.01"])
def test_command_has_ended(number: int, options: str, tmp_path: Path) -> None:
    """With a command that has ended."""
    with (
        full_fifo(tmp_path / "fifo") as fifo,
        Tool("-o", fifo, *options.split(), "--", "true") as tool,
    ):
        wait_until(lambda: command_has_ended(tool.process.pid), "the command's end")
        until_writing(tool.process.pid)
        ends_at_the_second(tool.process, number)


@pytest.mark.parametrize("numbers", [(2, 15), (15, 2), (3, 15), (1, 2)])
def test_two_signals_may_differ(numbers: tuple[int, int], tmp_path: Path) -> None:
    """The second signal need not be the first one again."""
    first, second = numbers
    with (
        full_fifo(tmp_path / "fifo") as fifo,
        Tool("-o", fifo, "--", "true") as tool,
    ):
        wait_until(lambda: command_has_ended(tool.process.pid), "the command's end")
        until_writing(tool.process.pid)
        tool.process.send_signal(first)
        pid = tool.process.pid
        wait_until(lambda: not any(catches(pid, n) for n in numbers), "the first")
        assert tool.stop(second) == -second


CONNECT_OFTEN = f"""
import socket
for _ in range(300):
    with socket.socket() as client:
        client.connect_ex(("127.0.0.1", {PORT}))
"""


@SIGNALS
def test_stderr_of_a_command(number: int) -> None:
    """With a command lines go to stderr, where nothing can be said either."""
    begin = command(["--", sys.executable, "-SE", "-c", CONNECT_OFTEN])
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, SMALL)
    with subprocess.Popen(**begin, stderr=write) as process:
        os.close(write)
        wait_until(lambda: command_has_ended(process.pid), "the command's end")
        until_writing(process.pid)
        ends_at_the_second(process, number)
        said = os.read(read, SMALL)
    os.close(read)
    assert said.startswith(READY)


@SIGNALS
def test_stderr_alone(number: int) -> None:
    """What is on stderr is not read, so that nothing is shown either."""
    begin = command(["-P", PORT])
    begin.update(stdout=subprocess.DEVNULL)
    with full_pipe() as write, subprocess.Popen(**begin, stderr=write) as process:
        # (From its start Python has a handler for SIGINT.)
        wait_until(lambda: catches(process.pid, signal.SIGTERM), "the handlers")
        until_writing(process.pid)
        ends_at_the_second(process, number)


@SIGNALS
def test_stopped_terminal(number: int) -> None:
    """A terminal that was stopped, as by Ctrl-S."""
    leader, terminal = pty.openpty()
    termios.tcflow(terminal, termios.TCOOFF)
    with Tool("-P", PORT, stdout=terminal) as tool:
        until_writing(tool.process.pid)
        ends_at_the_second(tool.process, number)
        assert tool.stderr.decode() == READY.decode()
    os.close(terminal)
    os.close(leader)


@pytest.mark.parametrize("options", ["", "-c"])
def test_it_is_said(options: str) -> None:
    """If the first signal does not end it, a line says what a second one does."""
    words = ("-P", PORT, *options.split())
    with full_pipe() as write, Tool(*words, stdout=write) as tool:
        if not options:  # -c writes at the end only
            until_writing(tool.process.pid)
        tool.process.send_signal(signal.SIGINT)
        line = blocked("stdout")
        wait_until(lambda: line in tool.stderr.decode(), "the line")
        assert tool.stop() == -signal.SIGINT
        assert tool.stderr.decode() == READY.decode() + line


def test_it_is_said_at_the_end() -> None:
    """It is also said without a signal, when the trace has ended by itself."""
    with (
        full_pipe() as write,
        Tool("-P", PORT, "-c", "--duration", 0.01, stdout=write) as tool,
    ):
        line = blocked("stdout")
        wait_until(lambda: line in tool.stderr.decode(), "the line")
        ends_at_the_second(tool.process, signal.SIGINT)


@pytest.mark.parametrize("full", ["a", "b", "ab"])
def test_those_that_are_blocked_are_named(full: str, tmp_path: Path) -> None:
    """Of several outputs the line names those that are not read; others are written."""
    names = {name: str(tmp_path / name) for name in ("a", "b")}
    with ExitStack() as stack:
        for name in full:
            stack.enter_context(full_fifo(tmp_path / name))
        files = [word for path in names.values() for word in ("-o", path)]
        tool = stack.enter_context(Tool("-P", PORT, "--duration", 0.01, *files))
        line = blocked(", ".join(repr(names[name]) for name in sorted(full)))
        wait_until(lambda: line in tool.stderr.decode(), "the line")
        ends_at_the_second(tool.process, signal.SIGINT)
    for name in names.keys() - full:
        assert Path(names[name]).read_text().startswith("PID")


def test_nothing_is_said_when_it_is_read_on() -> None:
    """What is read after the first signal is all there is."""
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, SMALL)
    made = 300
    with Tool("-jp", os.getpid(), "--columns", "dport", stdout=write) as tool:
        os.close(write)
        for _ in range(made):
            attempt("127.0.0.1", PORT)
        tool.process.send_signal(signal.SIGINT)
        with open(read, "rb") as output:
            assert output.read().count(b"\n") == made
        assert tool.wait() == 0
        assert tool.stderr == READY


def test_closed_while_blocked() -> None:
    """When the reader goes, it ends."""
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, SMALL)
    os.write(write, bytes(SMALL))
    with Tool("-P", PORT, stdout=write) as tool:
        os.close(write)
        tool.process.send_signal(signal.SIGINT)
        os.close(read)
        assert tool.wait() == 0
        assert tool.stderr == READY


def test_timer_is_not_the_commands() -> None:
    """What a command does with SIGALRM is its own affair."""
    result = run_tool("-o", "/dev/null", "--", "sh", "-c", "kill -ALRM $$")
    assert result.returncode == 128 + signal.SIGALRM


NO_TIMER = """
import signal, sys
from tcpconnect.cli import main
code = main()
print(*signal.getitimer(signal.ITIMER_REAL))
sys.exit(code)
"""


def test_no_signal_is_left_to_come() -> None:
    """The timer of a stop is off when Python ends, which takes its handler away."""
    words = [sys.executable, "-c", NO_TIMER, "-c", "-p", str(os.getpid())]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr
        assert process.stderr.readline() == READY
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=TIMEOUT_S)
    assert out.splitlines()[-1] == b"0.0 0.0"
