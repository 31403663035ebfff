"""A terminal that is resized, or closed, while the tool writes to it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import attempt, comm
from tests.support.launch import TOOL
from tests.support.tool import READY, Tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self

    from tests.support.network import NetNs

pytestmark = pytest.mark.usefixtures("netns")

MANY = 300
ENDED = os.WEXITED | os.WNOHANG | os.WNOWAIT
MODES = pytest.mark.parametrize("options", [(), ("-r",), ("-j",), ("-c",)], ids=str)


class Terminal:
    """The tool on a terminal of its own, as its session's leader, tracing us."""

    def __init__(self, *options: str, columns: int = 0) -> None:
        self._pid, self._leader = pty.fork()
        if not self._pid:
            set_width(1, columns)
            command = [str(TOOL), "-p", str(os.getppid()), *options]
            os.execv(TOOL, command)  # noqa: S606 (no shell, on purpose)
        self._seen = bytearray()
        wait_until(lambda: b"to end\r\n" in self.read(), "the ready line")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)

    def read(self) -> bytes:
        """Return what it has printed until now, without waiting."""
        while select.select((self._leader,), (), (), 0)[0]:
            self._seen += os.read(self._leader, 65536)
        return bytes(self._seen)

    def resize(self, columns: int) -> None:
        """Change its width, which it is sent a signal for."""
        set_width(self._leader, columns)

    def close(self) -> None:
        """Hang up."""
        if self._leader >= 0:
            os.close(self._leader)
        self._leader = -1

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self._pid, number)

    def wait(self) -> int:
        """Wait for its end; return its exit code."""
        wait_until(lambda: os.waitid(os.P_PID, self._pid, ENDED), "its end")
        pid, self._pid = self._pid, 0
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def set_width(fd: int, columns: int) -> None:
    """Give a terminal a width, of which its foreground processes get a SIGWINCH."""
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


def connect(count: int) -> None:
    """Make so many attempts."""
    for _ in range(count):
        attempt("127.0.0.1", 1)


def test_resized() -> None:
    """Lines continue unchanged, and none is missing."""
    with Terminal("--columns", "dport", "--color", "never") as terminal:
        for columns in (10, 200, 1, 80):
            terminal.resize(columns)
            connect(MANY)
        header = b"DPORT\r\n"
        rows = 4 * MANY * b"1\r\n"
        wait_until(lambda: terminal.read().endswith(header + rows), "all rows")


NOTICE = re.compile(
    "tcpconnect: no room for (.*); widen the terminal or add --wide\r\n"
)
ADDRESS = "2001:db8:1234:5678:abcd:ef01:2345:6789"


def table(terminal: Terminal, lines: int) -> list[str]:
    """Return so many lines of the table, when they are there.

    Between them may be what is said, also of what other tests do to the machine.
    """

    def read() -> list[str]:
        text = terminal.read().decode().partition("to end\r\n")[2]
        text = re.sub("tcpconnect: .*\r\n|[^\n]*\\Z", "", text)
        found = text.splitlines()
        return found if len(found) >= lines else []

    found: list[str] = wait_until(read, f"{lines} lines")
    return found


def test_long_addresses(netns: NetNs) -> None:
    """No line of -rd wraps, before and after a resize; the destination is whole."""
    netns.ip(f"address add {ADDRESS}/128 dev lo nodad")
    with Terminal("-rd", "--color", "never", columns=80) as terminal:
        attempt("127.0.0.1", 1)
        table(terminal, 2)
        attempt(ADDRESS, 1)
        before = table(terminal, 4)
        terminal.resize(120)
        attempt(ADDRESS, 1)
        wide = table(terminal, 6)[4:]
        terminal.resize(70)
        attempt(ADDRESS, 1)
        narrow = table(terminal, 8)[6:]
        left_out = NOTICE.findall(terminal.read().decode())
    assert left_out[0] == "IP, SADDR"
    first = [line.split()[0] for line in before]
    assert first == ["PID", str(os.getpid()), "COMM", comm()]
    for width, lines in ((80, before), (120, wide), (70, narrow)):
        assert max(map(len, lines)) <= width
        assert lines[-2].index("DADDR") == lines[-1].index(ADDRESS)
        assert lines[-2].index("RESULT") == lines[-1].index("ECONNREFUSED")


@pytest.mark.parametrize("columns", [0, 80])
def test_wide(columns: int) -> None:
    """With --wide, or without a width, all columns are there as in a pipe."""
    with (
        Terminal("-rd", "--color", "never", "--wide", columns=columns) as terminal,
        Tool("-p", os.getpid(), "-rd") as tool,
    ):
        attempt("127.0.0.1", 1)
        header, _ = tool.lines(2)
        assert table(terminal, 2)[0] == header


@MODES
def test_closed(options: tuple[str, ...]) -> None:
    """It ends as it does when a pipe's reader has gone."""
    with Terminal(*options) as terminal:
        connect(MANY)
        terminal.close()
        connect(MANY)
        assert terminal.wait() == 0


@pytest.mark.parametrize("options", [("-c",), ("-c", "-i", "60"), ("--summary",)])
def test_closed_with_output_elsewhere(options: tuple[str, ...], tmp_path: Path) -> None:
    """It ends as well; what was traced and counted is written all the same."""
    output = tmp_path / "output"
    columns = ("dport", "connects") if "-c" in options else ("dport",)
    shown = ("--columns", ",".join(columns), "--format", "csv", "-o", str(output))
    with Terminal(*options, *shown) as terminal:
        connect(MANY)
        terminal.close()
        assert terminal.wait() == 0
    last, *others = reversed(output.read_text().splitlines())
    if "-c" in options:
        assert last.split(",")[-2:] == ["1", str(MANY)]
    else:
        assert others == [*["1"] * (MANY - 1), "dport"]


def test_closed_under_nohup(tmp_path: Path) -> None:
    """With the signal ignored it outlives its terminal where it writes to a file."""
    output = tmp_path / "output"
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Terminal("--columns", "dport", "-o", str(output)) as terminal:
            terminal.close()
            attempt("127.0.0.1", 1)
            wait_until(lambda: output.read_text() == "DPORT\n1\n", "a line")
            terminal.signal(signal.SIGTERM)
            assert terminal.wait() == 0
    finally:
        signal.signal(signal.SIGHUP, before)


@MODES
def test_closed_without_a_signal(options: tuple[str, ...]) -> None:
    """The same where the terminal is not its own: it hears of it by writing only."""
    leader, terminal = pty.openpty()
    with Tool("-p", os.getpid(), *options, stdout=terminal) as tool:
        os.close(terminal)
        connect(10)
        os.close(leader)
        connect(10)
        assert tool.wait() == 0
        assert tool.stderr == READY


def test_nohup() -> None:
    """A signal that was to be ignored when it started, as with nohup, ends nothing."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Tool("-p", os.getpid(), "--columns", "dport") as tool:
            tool.process.send_signal(signal.SIGHUP)
            attempt("127.0.0.1", 1)
            assert tool.lines(2) == ["DPORT", "1"]
            assert tool.stop() == 0
    finally:
        signal.signal(signal.SIGHUP, before)
