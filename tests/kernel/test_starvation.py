"""Nobody can crowd attempts out of the ring: names and texts have one half of it."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import Child, attempt
from tests.support.tool import Tool, told
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("netns")

SMALL = ("--ring-bytes", 1 << 16)
FITTING = 200  # attempts, in half of that ring
LOOKUPS = 1000
USER = 54321  # who has nothing to do with the tool


def while_stopped(tool: Tool, work: Callable[[], object]) -> None:
    """Do something while the tool stands still, as on a busy machine."""
    tool.process.send_signal(signal.SIGSTOP)
    status = Path(f"/proc/{tool.process.pid}/stat")
    wait_until(lambda: ") T " in status.read_text(), "it to stand still")
    work()
    tool.process.send_signal(signal.SIGCONT)


def look_up(name: str) -> Child:
    """Return another user's process that looks a name up very often."""

    def work() -> None:
        for _ in range(LOOKUPS):
            socket.getaddrinfo(name.encode(), 80, type=socket.SOCK_STREAM)

    return Child(work, lambda: os.setresuid(USER, USER, USER))


def run_beside(other: Child) -> None:
    """Make attempts after the other one has done its work."""
    other.run()
    for _ in range(FITTING):
        attempt("127.0.0.1", 1)


def traced_beside(name: str) -> tuple[int, int]:
    """Return how many attempts are shown, and names are lost, beside such a process."""
    options = ("-d", "--names", "libc", "--columns", "dport")
    with (
        look_up(name) as other,
        Tool("-p", os.getpid(), *options, *SMALL) as tool,
    ):
        while_stopped(tool, lambda: run_beside(other))
        assert tool.stop() == 0
        shown = tool.stdout.decode().split()[1:]
        assert set(shown) == {"1"}
        assert told(tool, "attempts lost") == 0
        return len(shown), told(tool, "names lost")


def test_names() -> None:
    """A loop of lookups loses names, which are counted, and no attempt."""
    shown, lost = traced_beside("localhost")
    assert shown == FITTING
    assert 0 < lost < LOOKUPS


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "fe80::1%lo"])
def test_addresses(address: str) -> None:
    """What is an address already never leaves the kernel."""
    assert traced_beside(address) == (FITTING, 0)


def retitle(count: int) -> None:
    """Connect under as many titles; each is long, and sent again."""
    # proc_pid_stat(5): arg_start is the 48th, arg_end the 49th.
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = (int(fields[number - 3]) for number in (48, 49))
    before = Path("/proc/self/cmdline").read_bytes()
    with open("/proc/self/mem", "r+b", buffering=0) as memory:
        for n in range(count):
            memory.seek(start)
            memory.write(f"{n:08}".encode()[: end - start])
            attempt("127.0.0.1", 1)
        memory.seek(start)
        memory.write(before)


def test_titles() -> None:
    """A process that changes its title loses that, which is counted, and no attempt."""
    with (
        Child(lambda: retitle(FITTING)) as other,
        Tool("-p", other.pid, "--columns", "dport,cmdline", *SMALL) as tool,
    ):
        while_stopped(tool, other.run)
        assert tool.stop() == 0
        shown = tool.stdout.decode().splitlines()[1:]
        assert [line.split()[0] for line in shown] == FITTING * ["1"]
        without = sum(line.split()[1] == "-" for line in shown)
        assert 0 < without == told(tool, "attempts without their")
        assert told(tool, "attempts lost") == 0
