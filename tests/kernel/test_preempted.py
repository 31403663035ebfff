"""Tasks that take the CPU from each other: no attempt is missed, no process forgotten.

From Linux 7.0 on a task may lose its CPU inside of a program on a tracepoint, and the
kernel skips that program for those that run there meanwhile. What wakes up with a
realtime priority takes the CPU at any moment, also at that one.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import time
from collections import Counter
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tcpconnect.bpf.btf import programs_are_preemptible
from tcpconnect.machine.release import kernel_version
from tests.support.attempts import Child, attempt, run_all
from tests.support.mounts import etc
from tests.support.tool import ENDED, READY, Tool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("netns")

# Where nothing is skipped, fewer show that: no other test runs meanwhile.
MADE, LOOKED_UP = (1000, 300) if programs_are_preemptible() else (300, 100)
PAUSE_S = 0.0002
PRIORITIES = (0, 1, 2)  # each takes the CPU from those before it
REFUSED = ("127.0.0.1", 1)
RESULT = "ECONNREFUSED"
SKIPPED = re.compile("in total, ([0-9]+) attempts of this machine lost")
LOST = re.compile("in total, ([0-9]+) names lost")

COLUMNS = {
    "dport": "1",
    "result": RESULT,
    "exe": os.path.realpath("/proc/self/exe"),
}


def test_types_say_so() -> None:
    """The kernel's types say whether it is one of these, as releases do so far."""
    assert programs_are_preemptible() == (kernel_version() >= (7, 0))


def attempts(priority: int) -> None:
    """Make them, with a pause from which one of a priority comes in between others."""
    for _ in range(MADE):
        if priority:
            time.sleep(PAUSE_S)
        attempt(*REFUSED)


def children(priority: int) -> None:
    """Make as many processes of one attempt each, a few at a time."""
    for n in range(1, 1 + MADE // 5):
        if not os.fork():
            attempt(*REFUSED)
            os._exit(0)
        if priority or n % 10 == 0:
            os.wait()


def pin(priority: int) -> None:
    """Share one CPU with the others of the test, at this priority."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if priority:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))


def lines_of(
    work: Callable[[int], None], columns: str, *options: str
) -> tuple[list[int], Counter[str], str]:
    """Have tasks of all priorities do something; return their PIDs and what is shown.

    The lines have the PID before the columns. Last comes what is said of losses.
    """
    with ExitStack() as stack:
        workers = [
            stack.enter_context(Child(partial(work, p), partial(pin, p)))
            for p in PRIORITIES
        ]
        pids = [child.pid for child in workers]
        chosen = ("--format", "csv", "--columns", f"pid,{columns}")
        tool = Tool("-p", ",".join(map(str, pids)), *chosen, *options)
        stack.enter_context(tool)
        run_all(workers)
        assert tool.stop() == 0
        said = tool.stderr.decode().removeprefix(READY.decode())
        return pids, Counter(tool.stdout.decode().splitlines()[1:]), said


@pytest.mark.parametrize("column", COLUMNS)
def test_no_attempt_is_missed(column: str) -> None:
    """Each is shown once, and whole."""
    pids, shown, said = lines_of(attempts, column)
    assert said == ""
    assert shown == {f"{pid},{COLUMNS[column]}": MADE for pid in pids}


UNROUTED = ("192.0.2.1", 1)


def refused(priority: int) -> None:
    """Make attempts that the kernel refuses before it sends a SYN."""
    for _ in range(MADE):
        if priority:
            time.sleep(PAUSE_S)
        with socket.socket() as client:
            assert client.connect_ex(UNROUTED) == errno.ENETUNREACH


@pytest.mark.parametrize("options", [("--failed",), ("--why",)])
def test_refused_attempts_are_accounted_for(options: tuple[str, ...]) -> None:
    """Each is shown once, or counted as lost: those of the last priority may be."""
    pids, shown, said = lines_of(refused, "daddr,asked,result", *options)
    *lines, last = (f"{pid},{UNROUTED[0]},{UNROUTED[0]},ENETUNREACH" for pid in pids)
    lost = sum(map(int, SKIPPED.findall(said)))
    assert shown == {**dict.fromkeys(lines, MADE), last: MADE - lost}


def test_no_process_is_forgotten() -> None:
    """All children are followed; when the last has ended, the tool ends by itself."""
    with ExitStack() as stack:
        workers = [Child(partial(children, p), partial(pin, p)) for p in PRIORITIES]
        pids = ",".join(str(child.pid) for child in workers)
        with Tool("-f", "-p", pids, "--format", "csv", "--columns", "pid") as tool:
            for child in workers:
                stack.enter_context(child)
            run_all(workers)
            stack.close()
            assert tool.wait() == 0
            assert tool.stderr == READY + ENDED
            shown = Counter(tool.stdout.split()[1:])
            assert set(shown.values()) == {1}
            assert len(shown) == len(PRIORITIES) * (MADE // 5)


NAMES = [f"n{priority}.example" for priority in PRIORITIES]
ADDRESSES = {name: f"127.1.{n}.1" for n, name in enumerate(NAMES)}


def lookups(priority: int) -> None:
    """Look up a name of many addresses, and connect to the first, time and again."""
    name = NAMES[priority]
    for _ in range(LOOKED_UP):
        if priority:
            time.sleep(PAUSE_S)
        socket.getaddrinfo(name, 1)
        attempt(ADDRESSES[name], 1)


def test_no_name_is_mixed_up(tmp_path: Path) -> None:
    """Each attempt has the name that its own process looked up, or it is counted."""
    hosts = "".join(
        f"{address[:-1]}{n} {name}\n"
        for name, address in ADDRESSES.items()
        for n in range(1, 41)
    )
    with etc(tmp_path, hosts):
        pids, shown, said = lines_of(lookups, "query,daddr", "-d", "--names", "libc")
    nameless = 0
    for pid, name in zip(pids, NAMES, strict=True):
        without = shown.pop(f"{pid},,{ADDRESSES[name]}", 0)
        named = shown.pop(f"{pid},{name},{ADDRESSES[name]}", 0)
        assert named == LOOKED_UP - without
        nameless += without
    assert not shown
    assert all(" names lost: " in line for line in said.splitlines())
    assert nameless <= sum(map(int, LOST.findall(said)))
