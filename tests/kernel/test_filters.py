"""The filters that are options: each passes what it names, and nothing else."""

from __future__ import annotations

import json
import os
import pwd
import re
import socket
import subprocess
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import Child, attempt, kernel_objects, rename
from tests.support.network import NetNs
from tests.support.sockets import mptcp_socket
from tests.support.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

pytestmark = pytest.mark.usefixtures("netns")

LAST = 65000  # attempted last, so that all before is known to have come or not
NOBODY = pwd.getpwnam("nobody").pw_uid


def traced_ports(options: Iterable[object], made: Iterable[int]) -> list[int]:
    """Attempt these ports under a filter; return those that are traced."""
    with Tool("-j", "-p", os.getpid(), *options) as tool:
        for port in made:
            attempt("127.0.0.1", port)
        assert tool.stop() == 0
        return [event["dport"] for event in tool.all_events()]


def test_ports_are_a_list() -> None:
    """Those in the list of -P, not their neighbours."""
    made = [79, 80, 81, 442, 443, 444]
    assert traced_ports(["-P", "80,443"], made) == [80, 443]


def test_ports_may_be_ranges_with_both_edges() -> None:
    """A range has its first and its last port; words and ranges may be mixed."""
    made = [79, 80, 7999, 8000, 8001, 8099, 8100, 8101, 65535]
    expected = [80, 8000, 8001, 8099, 8100, 65535]
    assert traced_ports(["-P", "80,8000-8100,65535"], made) == expected


def test_range_may_cross_words_of_the_set() -> None:
    """The kernel's set is made of 64-bit words: every edge of one is exact."""
    made = [62, 63, 64, 65, 127, 128, 191, 192]
    assert traced_ports(["-P", "63-64,127-191"], made) == [63, 64, 127, 128, 191]


def test_range_of_all_ports() -> None:
    """The highest and the lowest port are in 0-65535."""
    assert traced_ports(["-P", "0-65535"], [0, 1, 65535]) == [0, 1, 65535]


def test_thousand_ports() -> None:
    """A long list is as exact as a short one."""
    wanted = list(range(2000, 4000, 2))
    made = list(range(1999, 4001))
    assert traced_ports(["-P", ",".join(map(str, wanted))], made) == wanted


def test_pids_are_a_list() -> None:
    """Those in the list of -p, not other processes."""
    with ExitStack() as stack:
        children = [
            stack.enter_context(Child(lambda: attempt("127.0.0.1", 80)))
            for _ in range(4)
        ]
        first, second, *_ = [child.pid for child in children]
        with Tool("-j", "-p", f"{first},{second},{os.getpid()}") as tool:
            for child in children:
                child.run()
            attempt("127.0.0.1", LAST)
            assert tool.stop() == 0
            shown = [event["pid"] for event in tool.all_events()]
    assert shown == [first, second, os.getpid()]


def test_pid_is_the_process_not_the_thread() -> None:
    """-p with a process traces all its threads; a thread's own number is nothing."""

    def connect_in_thread() -> None:
        import threading

        thread = threading.Thread(target=attempt, args=("127.0.0.1", 81))
        thread.start()
        thread.join()

    with Child(connect_in_thread) as child, Tool("-j", "-p", child.pid) as tool:
        child.run()
        (event,) = tool.events(1)
    assert event["pid"] == child.pid
    assert event["tid"] != child.pid


def test_thousand_pids(netns: NetNs) -> None:
    """A long list of numbers traces the one process that is there."""
    others = ",".join(map(str, range(4_000_000, 4_000_999)))
    with Tool("-j", "-p", f"{others},{os.getpid()}") as tool:
        attempt("127.0.0.1", LAST)
        (event,) = tool.events(1)
    assert (event["pid"], event["netns"]) == (os.getpid(), netns.inode)


@pytest.mark.parametrize("users", [str(NOBODY), "nobody", "nobody,4000000001"])
def test_users_by_number_and_name(users: str) -> None:
    """-u takes numbers and names, and passes only what these users do."""
    with (
        Child(lambda: attempt("127.0.0.1", 80), lambda: os.setuid(NOBODY)) as child,
        Tool("-j", "-u", users, "-P", "80,81") as tool,
    ):
        attempt("127.0.0.1", 81)
        child.run()
        assert tool.stop() == 0
        shown = [(e["uid"], e["pid"], e["dport"]) for e in tool.all_events()]
    assert shown == [(NOBODY, child.pid, 80)]


def test_thousand_users() -> None:
    """A long list of users, root among them, traces root."""
    others = ",".join(map(str, range(3_000_000_000, 3_000_000_999)))
    assert traced_ports(["-u", f"{others},0"], [LAST]) == [LAST]
    assert traced_ports(["-u", others], [LAST]) == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--not-comm", "one"], [81, 82]),
        (["--not-comm", "one,-bash"], [82]),
        (["--not-comm", "one", "--comm", "one,-bash"], [81]),
        (["--not-comm", "on"], [80, 81, 82]),
        (["-c", "--not-comm", "one"], [81, 82]),
    ],
)
def test_not_comm(options: list[str], expected: list[int]) -> None:
    """--not-comm leaves out threads of these names, and no others."""
    names = {80: "one", 81: "-bash", 82: "a"}

    def prepare(name: str) -> Callable[[], None]:
        return lambda: rename(name.encode())

    with ExitStack() as stack:
        children = [
            stack.enter_context(
                Child(partial(attempt, "127.0.0.1", port), prepare(name))
            )
            for port, name in names.items()
        ]
        pids = ",".join(str(child.pid) for child in children)
        with Tool("-j", "-p", pids, *options) as tool:
            for child in children:
                child.run()
            assert tool.stop() == 0
            shown = [event["dport"] for event in tool.all_events()]
    assert sorted(shown) == expected


def test_uid_is_the_real_one() -> None:
    """A process that took another effective user is still its real user's."""
    with (
        Child(lambda: attempt("127.0.0.1", 80), lambda: os.seteuid(NOBODY)) as child,
        Tool("-j", "-p", child.pid) as tool,
    ):
        child.run()
        (event,) = tool.events(1)
    assert event["uid"] == 0


def versions(*options: object) -> list[tuple[int, str]]:
    """Attempt IPv4, IPv6, and IPv4 by a mapped address; return what is traced."""
    with Tool("-j", "-p", os.getpid(), *options) as tool:
        for address in ("127.0.0.1", "::1", "::ffff:127.0.0.2"):
            attempt(address, 80)
        assert tool.stop() == 0
        return [(event["ip"], event["daddr"]) for event in tool.all_events()]


def test_both_versions() -> None:
    """Without an option both are traced; a mapped address is IPv4."""
    assert versions() == [(4, "127.0.0.1"), (6, "::1"), (4, "127.0.0.2")]


@pytest.mark.parametrize("option", ["-4", "--ipv4"])
def test_ipv4_only(option: str) -> None:
    """-4 passes IPv4, by whatever socket."""
    assert versions(option) == [(4, "127.0.0.1"), (4, "127.0.0.2")]


@pytest.mark.parametrize("option", ["-6", "--ipv6"])
def test_ipv6_only(option: str) -> None:
    """-6 passes what is IPv6 on the wire."""
    assert versions(option) == [(6, "::1")]


def test_filters_together() -> None:
    """An attempt is shown when it passes all filters."""

    def work() -> None:
        for address, port in (("127.0.0.1", 80), ("::1", 81), ("::1", 80)):
            attempt(address, port)

    with (
        Child(work, lambda: os.setuid(NOBODY)) as child,
        Child(work) as of_root,
        Tool("-j6", "-P", 80, "-u", "nobody", "-p", f"{child.pid},{of_root.pid}") as t,
    ):
        of_root.run()
        child.run()
        work()
        assert t.stop() == 0
        shown = [(e["pid"], e["uid"], e["ip"], e["dport"]) for e in t.all_events()]
    assert shown == [(child.pid, NOBODY, 6, 80)]


def test_filters_pass_no_sooner_with_results() -> None:
    """With -r, an attempt that was not wanted does not come at its end either."""
    assert traced_ports(["-r", "-P", "81"], [80, 81, 82]) == [81]


def test_all_network_namespaces(netns: NetNs) -> None:
    """Every namespace is traced, and the event says which it was."""
    other = NetNs()
    try:
        with (
            Child(lambda: attempt("127.0.0.1", 80), other.enter) as child,
            Tool("-j", "-p", f"{child.pid},{os.getpid()}") as tool,
        ):
            child.run()
            attempt("127.0.0.1", 80)
            shown = [(e["pid"], e["netns"]) for e in tool.events(2)]
    finally:
        other.remove()
    assert shown == [(child.pid, other.inode), (os.getpid(), netns.inode)]


@pytest.mark.parametrize("options", [(), ("-r",), ("-L",)])
def test_mptcp_is_one_line(options: tuple[str, ...]) -> None:
    """An MPTCP connection is its subflow's attempt, and nothing beside."""
    with (
        mptcp_socket() as client,
        socket.create_server(("127.0.0.1", 0)) as server,
        Tool("-j", "-p", os.getpid(), *options) as tool,
    ):
        client.connect(server.getsockname())
        attempt("127.0.0.1", LAST)
        assert tool.stop() == 0
        shown = [(e["daddr"], e["dport"]) for e in tool.all_events()]
        expected = [server.getsockname()[:2], ("127.0.0.1", LAST)]
    assert shown == expected


def test_not_ports() -> None:
    """--not-port takes away, from all ports or from those of -P."""
    made = (79, 80, 81, 443, 444)

    def ports(*options: str) -> list[int]:
        return traced_ports(options, made)

    assert ports("--not-port", "80-81", "--not-port", "444") == [79, 443]
    assert ports("-P", "80-443", "--not-port", "81-100") == [80, 443]
    assert ports("-P", "80", "-P", "443") == [80, 443]


def test_names_of_threads() -> None:
    """--comm passes threads of these names, whole ones, up to 15 bytes."""
    names = [b"curl", b"curls", b"cur", b"fifteen-bytes-x", "\u00e4\u00f6".encode()]

    def attempts() -> None:
        for port, name in enumerate(names, 1):
            rename(name)
            attempt("127.0.0.1", port)

    wanted = "curl,fifteen-bytes-x"
    with (
        Child(attempts) as child,
        Tool(
            *("-j", "-p", child.pid, "--comm", wanted, "--comm", "\u00e4\u00f6")
        ) as tool,
    ):
        child.run()
        assert tool.stop() == 0
        shown = [event["dport"] for event in tool.all_events()]
    assert shown == [1, 4, 5]


@pytest.mark.parametrize("how", ["name", "inode", "pid"])
def test_network_namespaces(netns: NetNs, how: str) -> None:
    """--netns passes what is in this network namespace, by any of its names."""
    other = NetNs()
    try:
        with Child(lambda: attempt("127.0.0.1", 80), other.enter) as child:
            value = {"name": other.name, "inode": other.inode, "pid": child.pid}[how]
            both = f"{child.pid},{os.getpid()}"
            with Tool("-j", "-p", both, "--netns", value) as tool:
                attempt("127.0.0.1", 80)
                child.run()
                assert tool.stop() == 0
                shown = [event["netns"] for event in tool.all_events()]
    finally:
        other.remove()
    assert shown == [other.inode]
    assert netns.inode != other.inode


# The maps that a filter looks into; {} is our PID.
FILTER_MAPS = {
    "-p {}": {"pids"},
    "-u 0": {"uids"},
    "--comm x": {"comms"},
    "--netns {}": {"netnses"},
    "--cgroup /": {"cgroups"},
    "--to 10.0.0.0/8": {"to_ipv4"},
    "--not-to fd00::/8": {"not_to_ipv6"},
    "--from 10.0.0.1,::1": {"from_ipv4", "from_ipv6"},
}


@pytest.mark.parametrize("options", ["", *FILTER_MAPS])
def test_filter_that_is_off_is_not_in_the_program(options: str) -> None:
    """What runs at a connect looks into no map but those of filters that are on.

    So that it is the same program as that of a tool without the others.
    """
    every = set().union(*FILTER_MAPS.values())
    words = options.format(os.getpid()).split()
    with Tool(*words, stdout=subprocess.DEVNULL) as tool:
        found = [_maps_of(n) for n in kernel_objects(tool.process.pid)["prog"]]
    assert set().union(*found) & every == FILTER_MAPS.get(options, set())
    assert any("ring" in maps for maps in found)


def _maps_of(number: int) -> set[str]:
    program = subprocess.run(
        ["bpftool", "prog", "dump", "xlated", "id", str(number)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return {_name_of_map(n) for n in re.findall(r"map\[id:(\d+)\]", program)}


def _name_of_map(number: str) -> str:
    command = ["bpftool", "-j", "map", "show", "id", number]
    shown = subprocess.run(command, check=True, capture_output=True).stdout
    return str(json.loads(shown)["name"])
