"""The filters that are options: each passes what it names, and nothing else."""

from __future__ import annotations

import json
import os
import pwd
import re
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import Child, attempt, kernel_objects
from tests.support.network import NetNs
from tests.support.sockets import mptcp_socket
from tests.support.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Iterable

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
