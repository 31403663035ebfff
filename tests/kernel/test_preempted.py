"""Tasks that take the CPU from each other: no attempt is missed, no process forgotten.

From Linux 7.0 on a task may lose its CPU inside of a program on a tracepoint, and the
kernel skips that program for those that run there meanwhile. What wakes up with a
realtime priority takes the CPU at any moment, also at that one.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from contextlib import ExitStack
from functools import partial

import pytest
from attempts import Child, attempt
from conftest import READY, Tool

from tcpconnect import trace
from tcpconnect.bpf import kernel, release

pytestmark = pytest.mark.usefixtures("netns")

MADE = 1000
PAUSE_S = 0.0002
PRIORITIES = (0, 1, 2)  # each takes the CPU from those before it
REFUSED = ("127.0.0.1", 1)

COLUMNS = {
    "dport": "1",
    "result": "ECONNREFUSED",
    "exe": os.path.realpath("/proc/self/exe"),
}


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


@pytest.mark.parametrize("column", COLUMNS)
def test_no_attempt_is_missed(column: str) -> None:
    """Each is shown once, and whole."""
    with ExitStack() as stack:
        workers = [
            stack.enter_context(Child(partial(attempts, p), partial(pin, p)))
            for p in PRIORITIES
        ]
        pids = [child.pid for child in workers]
        chosen = ("--format", "csv", "--columns", f"pid,{column}")
        tool = stack.enter_context(Tool("-p", ",".join(map(str, pids)), *chosen))
        for child in workers:
            child.begin()
        for child in workers:
            child.wait()
        assert tool.stop() == 0
        assert tool.stderr == READY
        shown = Counter(tool.stdout.decode().splitlines()[1:])
        assert shown == {f"{pid},{COLUMNS[column]}": MADE for pid in pids}


def test_no_process_is_forgotten() -> None:
    """All children are followed; when the last has ended, the tool ends by itself."""
    with ExitStack() as stack:
        workers = [Child(partial(children, p), partial(pin, p)) for p in PRIORITIES]
        pids = ",".join(str(child.pid) for child in workers)
        with Tool("-f", "-p", pids, "--format", "csv", "--columns", "pid") as tool:
            for child in workers:
                stack.enter_context(child).begin()
            for child in workers:
                child.wait()
            stack.close()
            assert tool.wait() == 0
            assert tool.stderr == READY
            shown = Counter(tool.stdout.split()[1:])
            assert set(shown.values()) == {1}
            assert len(shown) == len(PRIORITIES) * (MADE // 5)


@pytest.fixture
def preemptible(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the copies loaded that are for such a kernel, also on older ones."""
    if release.running() < (5, 12):
        pytest.skip("this kernel tells programs on tracepoints no cookies")
    monkeypatch.setattr(release, "running", lambda: (7, 0))


@pytest.mark.usefixtures("preemptible")
@pytest.mark.parametrize("details", [(), ("exe", "cgroup")], ids=["plain", "deep"])
def test_copies_show_an_attempt_once(details: tuple[str, ...]) -> None:
    """Where all copies run, one of them tells."""
    made = 100
    me = os.getpid()
    with trace(pids=[me], follow=True, result=True, details=details) as events:
        with Child(partial(attempt, *REFUSED)) as child:
            for _ in range(made):
                child.run()
                attempt(*REFUSED)
        assert not any(events.losses)
        events.stop()
        shown = Counter(event.pid for event in events)
    assert shown == {me: made, child.pid: made}


@pytest.mark.usefixtures("preemptible")
def test_what_all_copies_missed_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the others, the last program counts each attempt as lost."""
    monkeypatch.setattr(kernel, "BEGINS", ())
    made = 100
    with trace(ports=[1]) as events:
        for _ in range(made):
            attempt(*REFUSED)
        losses = events.losses
        events.stop()
        assert list(events) == []
    assert losses.missed >= made  # those of other programs, too
    assert losses == kernel.Losses(missed=losses.missed)
