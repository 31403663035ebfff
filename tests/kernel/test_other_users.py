"""What other users may do to the tool while it traces: nothing."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tcpconnect.machine.capabilities import NOBODY, OWN, keep_only
from tests.support.attempts import PORT, Child, attempt
from tests.support.privileges import (
    OWN_USER,
    Status,
    nobody,
    parse_status,
    status_of,
    use,
)
from tests.support.system import libc
from tests.support.tool import Tool
from tests.support.waiting import TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("netns")

PTRACE_ATTACH, PTRACE_SEIZE = 16, 0x4206
CLONE_NEWUSER = 0x10000000
IOPRIO_SET, KCMP = {
    "x86_64": (251, 312),
    "aarch64": (30, 272),
}[os.uname().machine]
MODES = [
    "",
    "-r",
    "-v",
    "-d",
    "-d --names dns",
    "--columns container",
    "-o /dev/null",
    "-o /dev/null -- sleep 60",
]
USERS = [54321, NOBODY]


def call(number: int, *arguments: int) -> None:
    """Do a system call. Raises OSError."""
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "")


def trace_it(request: int, pid: int) -> None:
    """Begin to debug a process. Raises OSError."""
    if libc.ptrace(request, pid, None, None) < 0:
        raise OSError(ctypes.get_errno(), "")


HARM: dict[str, Callable[[int], object]] = {
    "exists": lambda pid: os.kill(pid, 0),
    "kill": lambda pid: os.kill(pid, signal.SIGKILL),
    "stop": lambda pid: os.kill(pid, signal.SIGSTOP),
    "interrupt": lambda pid: os.kill(pid, signal.SIGINT),
    "attach": lambda pid: trace_it(PTRACE_ATTACH, pid),
    "seize": lambda pid: trace_it(PTRACE_SEIZE, pid),
    "limits": lambda pid: resource.prlimit(pid, resource.RLIMIT_CPU, (0, 0)),
    "read limits": lambda pid: resource.prlimit(pid, resource.RLIMIT_CPU),
    "nice": lambda pid: os.setpriority(os.PRIO_PROCESS, pid, 19),
    "CPUs": lambda pid: os.sched_setaffinity(pid, {0}),
    "policy": lambda pid: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0)),
    "I/O": lambda pid: call(IOPRIO_SET, 1, pid, 3 << 13),
    "compare": lambda pid: call(KCMP, pid, os.getpid(), 0, 0, 0),
    "memory": lambda pid: os.open(f"/proc/{pid}/mem", os.O_RDWR),
    "read memory": lambda pid: os.open(f"/proc/{pid}/mem", os.O_RDONLY),
    "map": lambda pid: os.open(f"/proc/{pid}/maps", os.O_RDONLY),
    "environment": lambda pid: os.open(f"/proc/{pid}/environ", os.O_RDONLY),
    "descriptors": lambda pid: os.listdir(f"/proc/{pid}/fd"),
    "output": lambda pid: os.open(f"/proc/{pid}/fd/1", os.O_WRONLY),
    "folder": lambda pid: os.readlink(f"/proc/{pid}/cwd"),
    "program": lambda pid: os.readlink(f"/proc/{pid}/exe"),
    "system call": lambda pid: os.open(f"/proc/{pid}/syscall", os.O_RDONLY),
    "oom": lambda pid: Path(f"/proc/{pid}/oom_score_adj").write_text("1000"),
    "name": lambda pid: Path(f"/proc/{pid}/comm").write_text("x"),
    "references": lambda pid: Path(f"/proc/{pid}/clear_refs").write_text("1"),
    "dump": lambda pid: Path(f"/proc/{pid}/coredump_filter").write_text("0"),
}


def harm(pid: int) -> None:
    """Try all; AssertionError where one is not refused."""
    done = []
    for name, attack in HARM.items():
        try:
            attack(pid)
        except (PermissionError, ProcessLookupError):  # that where it is hidden
            continue
        done.append(name)
    assert done == []


def ready(options: str) -> Tool:
    """Start the tool in a mode, on this port and process only."""
    return Tool("-P", PORT, *options.split())


def end(tool: Tool) -> None:
    """End it, and its command."""
    tool.process.send_signal(signal.SIGTERM)
    tool.process.wait(TIMEOUT_S)


@pytest.mark.parametrize("options", MODES)
def test_harm(options: str) -> None:
    """Neither another user nor user nobody can stop it, inspect it or slow it down."""
    with ready(options) as tool:
        pid = tool.process.pid
        for user in USERS:
            be = partial(os.setresuid, user, user, user)
            with Child(lambda: harm(pid), be) as other:
                other.run()
            assert tool.process.poll() is None, user
        end(tool)


def statuses(pid: int) -> list[tuple[Status, tuple[int, ...]]]:
    """Return the privileges and the groups of each thread."""
    texts = [file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/status")]
    found = []
    for text in texts:
        fields = dict(line.split(":", 1) for line in text.splitlines())
        groups = f"{fields['Gid']} {fields['Groups']}".split()
        found.append((parse_status(text), tuple(map(int, groups))))
    return found


@pytest.mark.parametrize("options", MODES)
def test_threads(options: str) -> None:
    """All threads have given up the same, and no group is left."""
    with ready(options) as tool:
        attempt("127.0.0.1", PORT)
        threads = statuses(tool.process.pid)
        end(tool)
    assert len(set(threads)) == 1, threads
    status, groups = threads[0]
    assert status.uid == OWN_USER
    assert status.permitted == status.effective
    assert (status.inheritable, status.bounding, status.ambient) == (0, 0, 0)
    assert status.no_new_privs
    assert len(groups) == 4  # of the kinds of group, and no more
    assert all(group in OWN for group in groups)


def test_each_has_its_own() -> None:
    """Two instances are two users: neither can be used against the other."""
    with ready("") as one, ready("") as other:
        # /proc says root for the files, but not for all folders, of such a process.
        uids = {os.stat(f"/proc/{t.process.pid}/task").st_uid for t in (one, other)}
    assert len(uids) == 2
    assert all(uid in OWN for uid in uids)


def in_user_namespace(work: Callable[[], object], size: int) -> int:
    """Run something in a user namespace with so many IDs; return its exit status."""
    child_go, go = os.pipe()
    done, child_done = os.pipe()
    pid = os.fork()
    if not pid:
        code = 1
        try:
            assert libc.unshare(CLONE_NEWUSER) == 0
            os.write(child_done, b"\0")
            os.read(child_go, 1)
            os.setresuid(0, 0, 0)
            work()
            code = 0
        finally:
            os._exit(code)
    os.read(done, 1)
    for kind in ("uid", "gid"):
        Path(f"/proc/{pid}/{kind}_map").write_text(f"0 0 {size}\n")
    os.write(go, b"\0")
    for fd in (child_go, go, done, child_done):
        os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_namespace_without_such_a_user() -> None:
    """Without a user of its own it becomes user nobody, and says so."""

    def work() -> None:
        assert keep_only(()) is True
        assert os.getresuid() == os.getresgid() == (NOBODY,) * 3

    assert in_user_namespace(work, 65536) == 0


def test_a_namespace_with_such_users() -> None:
    """Where all are mapped, it becomes one of its own there, too."""

    def work() -> None:
        assert keep_only(()) is False
        assert all(each in OWN for each in (*os.getresuid(), *os.getresgid()))
        assert status_of(os.getpid()).uid == OWN_USER

    assert in_user_namespace(work, 4294967295) == 0


def test_debugging_without_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who runs it with capabilities can't take from it what they can't see."""
    use(nobody("CAP_BPF", "CAP_PERFMON"), monkeypatch)
    with ready("") as tool:
        pid = tool.process.pid

        def look() -> None:
            for name in ("attach", "read memory", "output", "descriptors"):
                with pytest.raises(PermissionError):
                    HARM[name](pid)

        with Child(look, lambda: os.setresuid(NOBODY, NOBODY, NOBODY)) as other:
            other.run()
