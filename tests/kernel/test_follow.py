"""``-f``: the children of the processes of ``-p``, those there and those to come."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect import trace
from tcpconnect.bpf.btf import programs_are_preemptible
from tcpconnect.errors import UsageError
from tests.support.attempts import Child, attempt, kernel_objects, run_tool
from tests.support.tool import Tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("netns")


def in_child(work: Callable[[], object]) -> int:
    """Do the work in a new process; return its PID when it has ended."""
    pid = os.fork()
    if not pid:
        try:
            work()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    return pid


def ports_of(tool: Tool) -> list[int]:
    """Return the ports of all that was traced until the end of the tool."""
    return [event["dport"] for event in tool.all_events()]


def test_children_to_come() -> None:
    """Children, and their children, are traced; without -f they are not."""

    def work() -> None:
        attempt("127.0.0.1", 1)
        in_child(child_work)

    def child_work() -> None:
        attempt("127.0.0.1", 2)
        in_child(lambda: attempt("127.0.0.1", 3))

    for options, expected in ((("-f",), [1, 2, 3]), ((), [1])):
        with Child(work) as child, Tool("-j", *options, "-p", child.pid) as tool:
            child.run()
            assert tool.stop() == 0
            assert ports_of(tool) == expected


class Family:
    """A process with a child and a grandchild, forked before they are examined."""

    def __init__(self) -> None:
        self.pids: list[int] = []
        self._go: list[int] = []
        self._done, done = os.pipe()
        ready, tell = os.pipe()
        gos = [os.pipe() for _ in range(3)]
        if not os.fork():
            self._be(0, gos, done, tell)
        for generation in range(3):
            self.pids.append(int.from_bytes(os.read(ready, 4), "little"))
            self._go.append(gos[generation][1])
            os.close(gos[generation][0])
        for fd in (done, ready, tell):
            os.close(fd)

    def _be(self, generation: int, gos: list[Any], done: int, tell: int) -> None:
        """Be this generation: send the PID, fork the next, attempt on demand."""
        os.write(tell, os.getpid().to_bytes(4, "little"))
        if generation < 2 and not os.fork():
            self._be(generation + 1, gos, done, tell)
        for _, write in gos:
            os.close(write)
        while os.read(gos[generation][0], 1):
            attempt("127.0.0.1", 1 + generation)
            os.write(done, b"\0")
        os._exit(0)

    def attempt(self, generation: int) -> None:
        """Let one of them attempt a port: 1, 2 or 3."""
        os.write(self._go[generation], b"\0")
        os.read(self._done, 1)

    def end(self) -> None:
        """Let all of them end, the oldest first."""
        while self._go:
            os.close(self._go.pop(0))


def test_children_that_are_there() -> None:
    """Descendants that were made before the tool was started are traced."""
    family = Family()
    with Tool("-j", "-f", "-p", family.pids[0]) as tool:
        for generation in (2, 1, 0):
            family.attempt(generation)
        shown = [(event["pid"], event["dport"]) for event in tool.events(3)]
        family.end()
        os.waitpid(family.pids[0], 0)
        assert tool.wait() == 0
    first, second, third = family.pids
    assert shown == [(third, 3), (second, 2), (first, 1)]


def test_not_the_parents() -> None:
    """Who made the process of -p is not traced."""
    family = Family()
    with Tool("-j", "-f", "-p", family.pids[1]) as tool:
        for generation in range(3):
            family.attempt(generation)
        family.end()
        os.waitpid(family.pids[0], 0)
        assert tool.wait() == 0
        assert ports_of(tool) == [2, 3]


def test_ends_when_all_have_ended() -> None:
    """The tool ends by itself with the last process, not with the first one."""
    hold, release = os.pipe()

    def work() -> None:
        if not os.fork():
            os.close(release)
            os.read(hold, 1)
            attempt("127.0.0.1", 2)
            os._exit(0)

    with Child(work) as child, Tool("-j", "-f", "-p", child.pid) as tool:
        child.run()
        os.kill(child.pid, signal.SIGKILL)
        os.close(hold)
        os.close(release)
        assert tool.wait() == 0
        assert ports_of(tool) == [2]


def test_several_processes() -> None:
    """-f goes for all of -p, whether they are one list or several options."""

    def work() -> None:
        in_child(lambda: attempt("127.0.0.1", 2))

    with (
        Child(work) as one,
        Child(work) as other,
        Child(work) as none,
        Tool("-j", "-f", "-p", one.pid, "-p", other.pid) as tool,
    ):
        for child in (one, none, other):
            child.run()
        assert tool.stop() == 0
        assert ports_of(tool) == [2, 2]


def test_threads_do_not_end_a_process() -> None:
    """A process whose first thread has ended is still traced and followed."""
    code = """
import ctypes, os, socket, sys, threading
def work():
    sys.stdin.read(1)
    if not os.fork():
        with socket.socket() as client:
            client.connect_ex(("127.0.0.1", 6))
        os._exit(0)
    os.wait()
    os._exit(0)
threading.Thread(target=work).start()
print("ready", flush=True)
ctypes.CDLL(None).pthread_exit(None)
"""
    python = [sys.executable, "-SE", "-c", code]
    with subprocess.Popen(
        python, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        stat = f"/proc/{process.pid}/stat"
        wait_until(lambda: ") Z " in _read(stat), "the end of the first thread")
        with Tool("-j", "-f", "-p", process.pid) as tool:
            process.stdin.write(b"\n")
            process.stdin.close()
            assert tool.wait() == 0
            assert ports_of(tool) == [6]


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read()


def test_number_is_no_longer_traced() -> None:
    """A process that has ended leaves the set: whoever gets its number is not in it."""
    with (
        Child(lambda: [in_child(lambda: None) for _ in range(20)]) as child,
        Tool("-j", "-f", "-p", child.pid) as tool,
    ):
        child.run()
        entries = _bpftool("map", "dump", _set_of(tool)["id"])
    pids = {bytes(int(b, 16) for b in e["key"]) for e in entries}
    assert pids == {child.pid.to_bytes(4, "little")}


def _bpftool(what: str, how: str, number: int) -> Any:
    command = ["bpftool", "-j", what, how, "id", str(number)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def _set_of(tool: Tool) -> dict[str, Any]:
    """Return what bpftool shows of the set of processes, a map of its programs."""
    programs = kernel_objects(tool.process.pid)["prog"]
    numbers = {n for p in programs for n in _bpftool("prog", "show", p)["map_ids"]}
    every = [_bpftool("map", "show", number) for number in numbers]
    return next(shown for shown in every if shown.get("name") == "pids")


def test_room_for_many() -> None:
    """The set of followed processes has room for 65,536 of them."""
    with Tool("-j", "-f", "-p", os.getpid()) as tool:
        assert _set_of(tool)["max_entries"] >= 65536


def test_nothing_of_it_without_the_option() -> None:
    """Without -f, and without -p, its programs are not loaded."""
    loaded = []
    for options in ((), ("-p", os.getpid()), ("-f", "-p", os.getpid())):
        with Tool(*options, stdout=subprocess.DEVNULL) as tool:
            loaded.append(len(kernel_objects(tool.process.pid)["prog"]))
    assert loaded == ([3, 5, 7] if programs_are_preemptible() else [1, 2, 3])


def test_refused() -> None:
    """There must be something to follow."""
    result = run_tool("-f")
    assert (result.returncode, result.stdout) == (2, "")
    said = "tcpconnect: -f needs -p: it follows these processes; add -p PID\n"
    assert result.stderr == said


def test_api() -> None:
    """The iteration of trace(follow=True) ends when all have ended."""
    family = Family()
    with trace(pids=[family.pids[0]], follow=True) as events:
        family.attempt(1)
        family.end()
        os.waitpid(family.pids[0], 0)
        assert [event.dport for event in events] == [2]
    with pytest.raises(UsageError):
        trace(follow=True)
