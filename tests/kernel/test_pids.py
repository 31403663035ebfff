"""``-p``: processes that are there or not, that end, that are in a PID namespace."""

from __future__ import annotations

import ctypes
import os
import struct
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from tcpconnect import trace
from tcpconnect.bpf.object import BpfObject
from tcpconnect.errors import TcpconnectError
from tcpconnect.kernel.records import LISTED
from tests.support.attempts import Child, attempt, run_tool
from tests.support.system import libc
from tests.support.tool import ENDED, READY, Tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


pytestmark = pytest.mark.usefixtures("netns")

NOBODY_HAS = 4_194_304  # the highest PID that Linux can give
SYS_CLONE3 = 435
FOLLOW = pytest.mark.parametrize("follow", [(), ("-f",)], ids=["-p", "-f -p"])


def attempts(port: int) -> Callable[[], None]:
    """Return what a child does: one attempt of this port."""
    return lambda: attempt("127.0.0.1", port)


ONE_IS_NONE = "it has ended or never existed; give -p the PID of a running process"
ALL_ARE_NONE = "they have ended or never existed; give -p PIDs of running processes"


@FOLLOW
@pytest.mark.parametrize(
    ("pids", "said"),
    [
        (range(NOBODY_HAS, NOBODY_HAS + 1), f"no process 4194304: {ONE_IS_NONE}"),
        (
            range(NOBODY_HAS - 1, NOBODY_HAS + 1),
            f"no processes 4194303, 4194304: {ALL_ARE_NONE}",
        ),
        (
            range(NOBODY_HAS - 999, NOBODY_HAS + 1),
            f"no processes 4193305, 4193306, 4193307 and 997 more: {ALL_ARE_NONE}",
        ),
    ],
)
def test_none_is_there(follow: tuple[str, ...], pids: range, said: str) -> None:
    """It is an error before anything is traced."""
    result = run_tool(*follow, "-p", ",".join(map(str, pids)))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"tcpconnect: {said}\n"


HIDDEN = "warning: BPF does not list process {}: its attempts may be missed"


@pytest.fixture
def hidden(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Return processes that BPF's iterator leaves out; fill it before a trace."""
    pids: set[int] = set()
    iterate = BpfObject.iterate

    def some(bpf: BpfObject, name: str) -> bytes:
        listed = LISTED.iter_unpack(iterate(bpf, name))
        return b"".join(LISTED.pack(*p) for p in listed if p[0] not in pids)

    monkeypatch.setattr(BpfObject, "iterate", some)
    return pids


def test_not_listed(hidden: set[int]) -> None:
    """Who is in /proc only is traced by that number, with a warning, to the end."""
    with ExitStack() as stack:
        with Child(attempts(1)) as child:
            hidden.add(child.pid)
            events = stack.enter_context(trace(pids=[child.pid, NOBODY_HAS]))
            child.run()
        assert events.warnings == [
            HIDDEN.format(child.pid),
            "warning: no process 4194304; the others are traced",
        ]
        assert [(event.pid, event.dport) for event in events] == [(child.pid, 1)]
        assert events.processes_ended


def test_several_are_not_listed(hidden: set[int]) -> None:
    """With -f their children are traced, too: those that are there, and others."""
    with Child(attempts(2)) as other, ExitStack() as stack:
        hidden.update({os.getpid(), other.pid})
        child = stack.enter_context(Child(attempts(1)))
        pids = sorted(hidden)
        events = stack.enter_context(trace(pids=pids, follow=True))
        child.run()
        other.run()
        with Child(attempts(3)) as third:
            third.run()
        events.stop()
        several = f"processes {pids[0]}, {pids[1]}: their"
        assert events.warnings == [HIDDEN.replace("process {}: its", several)]
        assert [event.dport for event in events] == [1, 2, 3]


def test_not_listed_and_ended(hidden: set[int]) -> None:
    """A process that its parent has not yet seen to end has ended here, too."""
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    hidden.add(pid)
    with pytest.raises(TcpconnectError, match=f"no process {pid}: it has ended"):
        trace(pids=[pid])
    os.waitpid(pid, 0)


def test_init() -> None:
    """Process 1 is traced, on machines that hide it as well."""
    with Tool("-p", 1) as tool:
        assert tool.stop() == 0
    warning = f"tcpconnect: {HIDDEN.format(1)}\n".encode()
    assert tool.stderr in {READY, warning + READY}


@FOLLOW
def test_ended_but_not_waited_for(follow: tuple[str, ...]) -> None:
    """A process that its parent has not yet seen to end has ended."""
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    result = run_tool(*follow, "-p", pid)
    os.waitpid(pid, 0)
    assert result.returncode == 1
    assert result.stderr.startswith(f"tcpconnect: no process {pid}: ")


@FOLLOW
def test_some_are_there(follow: tuple[str, ...]) -> None:
    """The others are a warning, and those that are there are traced."""
    pids = f"{NOBODY_HAS},{os.getpid()},{NOBODY_HAS - 1}"
    with Tool("-j", *follow, "-p", pids) as tool:
        attempt("127.0.0.1", 1)
        assert tool.stop() == 0
        assert [event["dport"] for event in tool.all_events()] == [1]
    assert tool.stderr.decode() == (
        "tcpconnect: warning: no processes 4194303, 4194304; the others are traced\n"
        + READY.decode()
    )


def test_thread() -> None:
    """The number of a thread is not that of a process."""
    done, ready = os.pipe(), os.pipe()
    code = f"""
import os, threading
def work():
    os.write({ready[1]}, threading.get_native_id().to_bytes(4, "little"))
    os.read({done[0]}, 1)
threading.Thread(target=work).start()
"""
    python = [sys.executable, "-SE", "-c", code]
    with subprocess.Popen(python, pass_fds=(done[0], ready[1])) as process:
        tid = int.from_bytes(os.read(ready[0], 4), "little")
        assert tid != process.pid
        result = run_tool("-p", tid)
        os.write(done[1], b"\0")
    for fd in (*done, *ready):
        os.close(fd)
    assert result.returncode == 1
    assert result.stderr.startswith(f"tcpconnect: no process {tid}: ")


@pytest.mark.parametrize("mode", [(), ("-r",), ("-L",), ("-f",), ("-c",)], ids=str)
def test_all_have_ended(mode: tuple[str, ...]) -> None:
    """When the last has ended, a line says so, and the tool ends."""
    with ExitStack() as stack:
        with Child(attempts(2)) as last:
            with Child(attempts(1)) as first:
                pids = f"{first.pid},{last.pid}"
                tool = stack.enter_context(Tool("-j", *mode, "-p", pids))
                first.run()
            last.run()
        assert tool.wait() == 0
        assert tool.stderr == READY + ENDED
        assert sorted(event["dport"] for event in tool.all_events()) == [1, 2]


def test_interrupted_when_some_are_left() -> None:
    """Nothing is said about the end if some are still running."""
    with ExitStack() as stack, Child(attempts(2)) as last:
        with Child(attempts(1)) as first:
            tool = stack.enter_context(Tool("-p", f"{first.pid},{last.pid}"))
        assert tool.stop() == 0
        assert tool.stderr == READY


@contextmanager
def child_with(pid: int, work: Callable[[], None]) -> Iterator[Callable[[], None]]:
    """Fork with a chosen PID (clone3(2), set_tid, Linux 5.5); yield what has it work.

    At the end of the ``with`` statement it has ended.
    """
    wanted = (ctypes.c_int * 1)(pid)
    go, done = os.pipe(), os.pipe()
    set_tid = (ctypes.addressof(wanted), len(wanted), 0)
    arguments = struct.pack("<11Q", *[0] * 4, 17, *[0] * 3, *set_tid)
    got = libc.syscall(SYS_CLONE3, arguments, len(arguments))
    if not got:
        try:
            os.close(go[1])
            while os.read(go[0], 1):
                work()
                os.write(done[1], b"\0")
        finally:
            os._exit(0)
    assert got == pid, os.strerror(ctypes.get_errno())
    os.close(go[0])
    os.close(done[1])

    def run() -> None:
        os.write(go[1], b"\0")
        assert os.read(done[0], 1)

    try:
        yield run
    finally:
        os.close(go[1])
        os.waitpid(pid, 0)
        os.close(done[0])


def unused_pid() -> int:
    """Return a PID that was a process's, and may be another's."""
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    return pid


@FOLLOW
def test_stranger_with_the_same_number(follow: tuple[str, ...]) -> None:
    """Who gets the PID of a traced process after its end is not traced."""
    pid = unused_pid()
    with Child(attempts(3)) as anchor, ExitStack() as stack:
        with child_with(pid, attempts(1)) as run:
            pids = f"{pid},{anchor.pid}"
            tool = stack.enter_context(Tool("-j", *follow, "-p", pids))
            run()
        with child_with(pid, attempts(2)) as run:
            run()
        anchor.run()
        assert tool.stop() == 0
        shown = [(e["pid"], e["dport"]) for e in tool.all_events()]
    assert shown == [(pid, 1), (anchor.pid, 3)]


def test_api() -> None:
    """trace() follows the same rules."""
    with pytest.raises(TcpconnectError, match="no process 4194304"):
        trace(pids=[NOBODY_HAS])
    with ExitStack() as stack:
        with Child(attempts(1)) as child:
            events = stack.enter_context(trace(pids=[NOBODY_HAS, child.pid]))
            child.run()
        warning = "warning: no process 4194304; the others are traced"
        assert events.warnings == [warning]
        assert [event.dport for event in events] == [1]
        assert events.processes_ended


def test_many() -> None:
    """Numbers are looked up all at once: a hundred thousand take no time."""
    numbers = range(1, 100_000)
    with trace(pids=numbers, follow=True) as events:
        events.stop()
        assert {event.pid for event in events} <= set(numbers)
