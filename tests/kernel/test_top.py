"""``tcpconnect top`` of live attempts: its two processes, and what they may do."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import PORT, attempt
from tests.support.launch import TOOL
from tests.support.rights import FINDER
from tests.support.tool import READY
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

pytestmark = pytest.mark.usefixtures("netns")

ENDED = os.WEXITED | os.WNOHANG | os.WNOWAIT

WATCH = f"""{FINDER}
def watched(give_up):
    def give_up_and_watch(*given):
        kept = give_up(*given)
        sys.meta_path.insert(0, Finder())
        return kept
    return give_up_and_watch
log = os.open(sys.argv.pop(), os.O_WRONLY | os.O_APPEND)
from tcpconnect import pipeline
from tcpconnect.live import terminal
pipeline.keep_only = watched(pipeline.keep_only)
terminal.give_up_rights = watched(terminal.give_up_rights)
from tcpconnect.cli import main
sys.exit(main())
"""


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, words: list[str], env: dict[str, str]) -> None:
        self._pid, self._leader = pty.fork()
        if not self._pid:
            os.execve(words[0], words, {**os.environ, **env})  # noqa: S606 (it is one)
        self._seen = bytearray()

    def __enter__(self) -> Self:
        return self

    def close(self) -> None:
        """Close it, as its window does."""
        leader, self._leader = self._leader, -1
        if leader >= 0:
            os.close(leader)

    def __exit__(self, *_: object) -> None:
        self.close()
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)

    def read(self) -> bytes:
        """Return what it has printed until now."""
        while self._leader >= 0 and select.select((self._leader,), (), (), 0)[0]:
            try:
                self._seen += os.read(self._leader, 65536)
            except OSError:  # it has ended
                break
        return bytes(self._seen)

    def wait_for(self, text: bytes, meanwhile: Callable[[], object] = bytes) -> None:
        """Wait until this is printed."""

        def found() -> bool:
            meanwhile()
            return text in self.read()

        try:
            wait_until(found, repr(text))
        except AssertionError:
            raise AssertionError(self.read()) from None

    def press(self, key: str) -> None:
        """Press a key."""
        os.write(self._leader, key.encode())

    def processes(self) -> list[dict[str, str]]:
        """Return the status of the screen and of the tracer."""
        path = f"/proc/{self._pid}/task/{self._pid}/children"
        (tracer,) = Path(path).read_text().split()
        return [
            dict(
                line.split(":\t", 1)
                for line in Path(f"/proc/{pid}/status").read_text().splitlines()
                if ":\t" in line
            )
            for pid in (self._pid, tracer)
        ]

    def wait(self) -> int:
        """Wait for its end; return its exit code."""

        def ended() -> bool:
            self.read()
            return os.waitid(os.P_PID, self._pid, ENDED) is not None

        wait_until(ended, "its end")
        pid, self._pid = self._pid, 0
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def top(*words: object, **env: str) -> Terminal:
    """Run ``tcpconnect top`` on a terminal."""
    named = {"TERM": "xterm", "SUDO_UID": "", "SUDO_GID": "", **env}
    if not named["SUDO_UID"]:
        del named["SUDO_UID"], named["SUDO_GID"]
    return Terminal([str(TOOL), "top", *map(str, words)], named)


def fail() -> None:
    """Make an attempt that is refused."""
    attempt("127.0.0.1", PORT)


def test_live() -> None:
    """An attempt is seen; when it is over, the terminal is given back."""
    with top("-p", os.getpid()) as terminal:
        terminal.wait_for(b"ECONNREFUSED RST", fail)
        terminal.press("q")
        assert terminal.wait() == 0
        *_, after = terminal.read().partition(b"\x1b[?1049l")
    assert b"Tracing" not in after


def test_a_terminal_that_is_closed_at_the_end() -> None:
    """It ends, although it is continued by that."""
    with top("-p", os.getpid()) as terminal:
        terminal.wait_for(b"attempts/s")
        terminal.press("q")
        terminal.wait_for(b"\x1b[?1049l")
        terminal.close()
        assert terminal.wait() in {0, -signal.SIGHUP}


def test_columns_of_attempts() -> None:
    """The last attempts of a row have what options add."""
    with top("-ULT", "-p", os.getpid()) as terminal:
        terminal.wait_for(b"ECONNREFUSED RST", fail)
        terminal.press("\r")
        terminal.wait_for(b"LPORT")
        terminal.press("q")
        assert terminal.wait() == 0
        shown = terminal.read().decode(errors="replace")
    assert re.search(r"\d\d:\d\d:\d\d\.\d{3} +0 .* \d{4,5} loc", shown), shown


def test_what_they_may_do() -> None:
    """As root, both become users of their own, and the screen may do nothing."""
    with top("-p", os.getpid()) as terminal:
        terminal.wait_for(b"ECONNREFUSED RST", fail)
        screen, tracer = terminal.processes()
        terminal.press("q")
        assert terminal.wait() == 0
    assert int(screen["CapEff"], 16) == int(screen["CapPrm"], 16) == 0
    assert screen["NoNewPrivs"] == tracer["NoNewPrivs"] == "1"
    users = {each["Uid"].split()[0] for each in (screen, tracer)}
    assert len(users) == 2
    assert "0" not in users


def test_under_sudo() -> None:
    """The screen runs as the user who called."""
    with top("-p", os.getpid(), SUDO_UID="1", SUDO_GID="1") as terminal:
        terminal.wait_for(b"ECONNREFUSED RST", fail)
        screen, tracer = terminal.processes()
        terminal.press("q")
        assert terminal.wait() == 0
    assert screen["Uid"].split() == ["1"] * 4
    assert int(screen["CapEff"], 16) == 0
    assert tracer["Uid"].split()[0] not in {"0", "1"}


def test_a_command() -> None:
    """It reads nothing; what it prints comes at the end, and its exit code is ours."""
    code = "import sys; print('read', sys.stdin.read(), 'all'); sys.exit(7)"
    with top("--", sys.executable, "-c", code) as terminal:
        terminal.wait_for(b"ended")
        terminal.press("o")
        terminal.wait_for(b"read  all")
        terminal.press("q")
        terminal.press("q")
        assert terminal.wait() == 7
        *_, after = terminal.read().partition(b"\x1b[?1049l")
    assert b"read  all\r\n" in after


def test_output_is_followed(tmp_path: Path) -> None:
    """What a command prints while its output is shown is shown."""
    os.mkfifo(tmp_path / "fifo")
    with top("--", "cat", tmp_path / "fifo") as terminal:
        with (tmp_path / "fifo").open("wb", buffering=0) as fifo:
            fifo.write(b"the first line\n")
            terminal.wait_for(b"attempts/s")
            terminal.press("o")
            terminal.wait_for(b"the first line")
            fifo.write(b"".join(b"line %d\n" % n for n in range(100)))
            terminal.wait_for(b"line 99")
        terminal.wait_for(b"ended")
        terminal.press("q")
        terminal.press("q")
        assert terminal.wait() == 0


def test_a_command_that_runs() -> None:
    """Whoever quits asks it to end."""
    with top("-P", 443, "--", "sleep", "1000") as terminal:
        terminal.wait_for(f"{os.uname().nodename} -P 443 -- sleep 1000 ".encode())
        terminal.press("q")
        assert terminal.wait() == 128 + signal.SIGHUP


def test_what_can_not_be_traced() -> None:
    """An error of the tracer is a line, and no screen is opened."""
    with top("--cgroup", "no/such/cgroup") as terminal:
        assert terminal.wait() == 2
        said = terminal.read()
    assert said.startswith(b"tcpconnect: no cgroup 'no/such/cgroup'")
    assert b"\x1b[?1049h" not in said


def test_nothing_is_imported_late(tmp_path: Path) -> None:
    """Neither process imports anything when its privileges have gone."""
    log = tmp_path / "log"
    log.touch()
    words = ["-p", str(os.getpid()), str(log)]
    command = [sys.executable, "-c", WATCH, "top", *words]
    with Terminal(command, {"TERM": "xterm"}) as terminal:
        terminal.wait_for(b"ECONNREFUSED RST", fail)
        for key in ("\t", "\r", "/", "a", "\r", "o", "o", "y", "y", "?", "?", "s", "p"):
            terminal.press(key)
        terminal.wait_for(b"paused")
        terminal.press("q")
        assert terminal.wait() == 0
    assert log.read_text() == ""


def test_once() -> None:
    """One frame, of an interval."""
    import subprocess

    words = [str(TOOL), "top", "--once", "-p", str(os.getpid()), "--duration", "0.5"]
    with subprocess.Popen(words, stdout=-1, stderr=-1) as process:
        assert process.stderr
        while process.stderr.readline() != READY:
            pass
        fail()
        printed, _ = process.communicate(timeout=60)
    *_, row = printed.decode().splitlines()
    assert f" {PORT} " in row
    assert "ECONNREFUSED RST" in row
