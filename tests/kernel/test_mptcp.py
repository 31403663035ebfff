"""Further subflows of MPTCP: opened by the kernel or a daemon, they are their owner's.

Each test has a client with two addresses and a server that it may reach from both.
"""

from __future__ import annotations

import os
import signal
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect import trace
from tcpconnect.connection import MEMBERS
from tcpconnect.kernel import records
from tests.support.attempts import PORT, Child, rename, run_tool
from tests.support.processes import fork
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tcpconnect import Connection, Trace
    from tests.support.network import NetNs
    from tests.support.processes import Cgroup


SERVER = ("10.1.0.2", PORT)
FIRST, SECOND = "10.1.0.1", "10.1.0.3"
NAME = "owner"
UID = 4711
# What differs between two attempts of one process.
OWN = {"saddr", "lport", "time", "elapsed_s", "latency_ms"}
OWN |= {"asked", "asked_port"}  # the program asked for the first subflow only
COLUMNS = [name for name, c in MEMBERS.items() if c.field.needs != "dns"]


def serve(far: NetNs, ready: int) -> None:
    """Accept MPTCP connections in another namespace, and answer what comes."""
    far.enter()
    with socket.socket(proto=socket.IPPROTO_MPTCP) as listener:
        listener.bind(SERVER)
        listener.listen()
        os.write(ready, b"\0")
        peer, _ = listener.accept()
        while data := peer.recv(100):
            peer.send(data)


@pytest.fixture
def paths(netns: NetNs, far: NetNs) -> Iterator[NetNs]:
    """A second address on our side, a server on the other."""
    if not Path("/proc/sys/net/mptcp").exists():
        pytest.skip("this kernel has no MPTCP")
    netns.ip(f"addr add {SECOND}/24 dev near")
    for space in (netns, far):
        space.ip("mptcp limits set subflow 2")
    read, write = os.pipe()
    server = fork(lambda: serve(far, write))
    assert os.read(read, 1) == b"\0"
    try:
        yield netns
    finally:
        os.kill(server, signal.SIGKILL)
        os.waitpid(server, 0)
        os.close(read)
        os.close(write)


def add_path(netns: NetNs) -> None:
    """Let connections of this namespace, old and new ones, use the second address."""
    netns.ip(f"mptcp endpoint add {SECOND} subflow")


@contextmanager
def client(cgroup: Cgroup) -> Iterator[Child]:
    """Return a process of its own user, name and cgroup, which connects on demand."""
    kept: list[socket.socket] = []

    def prepare() -> None:
        cgroup.enter()
        os.setuid(UID)
        rename(NAME.encode())

    def work() -> None:
        made = socket.socket(proto=socket.IPPROTO_MPTCP)
        made.connect(SERVER)
        made.send(b"hello")
        assert made.recv(5) == b"hello"
        kept.append(made)

    with Child(work, prepare) as child:
        yield child


def subflows(events: Trace, count: int) -> list[dict[str, Any]]:
    """Return the columns of the next attempts, when there are so many."""
    found: list[Connection] = []
    batches = events.batches()

    def enough() -> bool:
        found.extend(next(batches).events)
        return len(found) >= count

    wait_until(enough, f"{count} attempts")
    return [{name: getattr(each, name) for name in MEMBERS} for each in found]


def common(subflow: dict[str, Any]) -> dict[str, Any]:
    """Return what two attempts of one process have in common."""
    return {name: value for name, value in subflow.items() if name not in OWN}


@pytest.mark.parametrize("early", [True, False], ids=["kworker", "ip"])
def test_they_belong_to_the_process(
    paths: NetNs, cgroups: Callable[..., Cgroup], *, early: bool
) -> None:
    """The second subflow has the same columns as the first.

    It is opened by a worker of the kernel, or by ip(8) when the path comes later.
    """
    if early:
        add_path(paths)
    with (
        trace(ports=[SERVER[1]], result=True, columns=COLUMNS) as events,
        client(cgroups()) as child,
    ):
        child.run()
        if not early:
            add_path(paths)
        first, second = subflows(events, 2)
    assert (first["saddr"], second["saddr"]) == (FIRST, SECOND)
    assert common(second) == common(first)
    assert (second["pid"], second["comm"], second["uid"]) == (child.pid, NAME, UID)
    assert second["exe"]
    assert second["cmdline"]


@pytest.mark.parametrize("name", ["pids", "comms", "uids", "cgroups", "netns"])
def test_filters(
    paths: NetNs, far: NetNs, cgroups: Callable[..., Cgroup], name: str
) -> None:
    """A filter on who connects lets all subflows pass, or none."""
    add_path(paths)
    group = cgroups()
    with client(group) as child:
        wanted: dict[str, Any] = {
            "pids": [child.pid],
            "comms": [NAME],
            "uids": [UID],
            "cgroups": [group.path],
            "netns": [paths.inode],
        }
        other: dict[str, Any] = {
            "pids": [os.getpid()],
            "comms": ["other"],
            "uids": [UID + 1],
            "cgroups": [cgroups().path],
            "netns": [far.inode],
        }
        with (
            trace(ports=[SERVER[1]], **{name: wanted[name]}) as events,
            trace(ports=[SERVER[1]], **{name: other[name]}) as others,
        ):
            child.run()
            found = subflows(events, 2)
            others.stop()
            assert list(others) == []
    assert [each["saddr"] for each in found] == [FIRST, SECOND]


@pytest.mark.usefixtures("paths")
def test_a_command(netns: NetNs) -> None:
    """With -- COMMAND, too; the tool waits for no path that never comes."""
    add_path(netns)
    # It ends when its second subflow is listed: address and port in hexadecimal.
    code = f"""
import socket
s = socket.socket(proto=socket.IPPROTO_MPTCP)
s.connect({SERVER})
s.send(b"hello")
s.recv(5)
while "0300010A:" not in open("/proc/net/tcp").read():
    pass
"""
    done = run_tool(
        "--format", "csv", "--columns", "saddr", "--", "python3", "-c", code
    )
    assert done.returncode == 0
    lines = [line for line in done.stderr.splitlines() if line.startswith("10.")]
    assert lines == [FIRST, SECOND]


def test_older_than_the_trace(paths: NetNs, cgroups: Callable[..., Cgroup]) -> None:
    """Of an older MPTCP socket user and cgroup are known, the process is not."""
    group = cgroups()
    with client(group) as child:
        child.run()
        with trace(ports=[SERVER[1]], result=True, columns=COLUMNS) as events:
            add_path(paths)
            (subflow,) = subflows(events, 1)
    shown = {name: value for name, value in subflow.items() if value is not None}
    assert shown.pop("cgroup_id") == os.stat(group.folder).st_ino
    del shown["lport"], shown["latency_ms"]
    del shown["time"], shown["elapsed_s"]
    # Hooks of cgroups have what the kernel itself asks for; functions do not.
    shown.pop("asked", None), shown.pop("asked_port", None)
    assert shown == {
        "uid": UID,
        "ip": 4,
        "saddr": SECOND,
        "daddr": SERVER[0],
        "dport": SERVER[1],
        "netns": paths.inode,
        "result": "OK",
        "cgroup": group.path,
        "event": "connect",
        "syns": 1,
    }


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({"uids": [UID]}, 1),
        ({"uids": [UID + 1]}, 0),
        ({"pids": [os.getpid()]}, 0),
        ({"comms": [NAME]}, 0),
    ],
)
def test_filters_of_older_ones(
    paths: NetNs,
    cgroups: Callable[..., Cgroup],
    options: dict[str, Any],
    shown: int,
) -> None:
    """What is not known of them passes no filter."""
    check_older(paths, cgroups(), options, shown)


@pytest.mark.parametrize("inside", [True, False])
def test_cgroups_of_older_ones(
    paths: NetNs, cgroups: Callable[..., Cgroup], *, inside: bool
) -> None:
    """The cgroup that the socket was made in decides, or one above it."""
    group = cgroups("above", "below")
    above = os.path.dirname(group.path)
    check_older(
        paths, group, {"cgroups": [above if inside else cgroups().path]}, int(inside)
    )


def check_older(
    paths: NetNs, group: Cgroup, options: dict[str, Any], shown: int
) -> None:
    """Let a further subflow of an older socket be traced with these options."""
    with client(group) as child:
        child.run()
        with (
            trace(ports=[SERVER[1]]) as every,
            trace(ports=[SERVER[1]], **options) as events,
        ):
            add_path(paths)
            subflows(every, 1)
            events.stop()
            assert len(list(events)) == shown


@pytest.mark.usefixtures("objects_stay")
def test_what_is_kept_goes_with_the_socket(
    paths: NetNs, cgroups: Callable[..., Cgroup]
) -> None:
    """Nothing is left of an MPTCP socket that is closed."""
    del paths
    with trace(ports=[SERVER[1]]) as events:

        def owners() -> int:
            bpf = events._attempts._bpf  # noqa: SLF001
            return sum(1 for _ in bpf.entries("owners", 8, records.CONNECTION.length))

        with client(cgroups()) as child:
            child.run()
            assert owners() == 1
        wait_until(lambda: not owners(), "the socket's end")
