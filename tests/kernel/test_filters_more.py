"""Filters by network, port, name, network namespace, cgroup and container."""

from __future__ import annotations

import ipaddress
import json
import os
import random
import re
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from attempts import Child, attempt, kernel_objects, rename, run_tool
from conftest import NetNs, Tool, libc
from test_maps import unified

from tcpconnect import trace
from tcpconnect.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

pytestmark = pytest.mark.usefixtures("netns")

CLONE_NEWNS = 0x00020000
ID = "0123456789abcdef" * 4
OTHER_ID = "0123fedcba987654" * 4
V1 = Path("/sys/fs/cgroup/memory")


def traced(options: Iterable[object], made: Iterable[tuple[str, int]]) -> list[str]:
    """Attempt these under a filter; return the destinations that are traced."""
    with Tool("-j", "-p", os.getpid(), *options) as tool:
        for address, port in made:
            attempt(address, port)
        assert tool.stop() == 0
        return [event["daddr"] for event in tool.all_events()]


FOUR = ["127.1.0.1", "127.1.255.255", "127.2.0.1", "127.3.0.1"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--to 127.2.0.1", [2]),
        ("--to 127.1.0.0/16", [0, 1]),
        ("--to 127.1.0.0/16 --to 127.3.0.1", [0, 1, 3]),
        ("--to 127.1.0.0/16,127.3.0.1", [0, 1, 3]),
        ("--to 127.0.0.0/15", [0, 1]),
        ("--to 127.1.128.0/17", [1]),
        ("--to 127.1.0.0/31,127.1.255.254/31", [0, 1]),
        ("--to 0.0.0.0/0", [0, 1, 2, 3]),
        ("--to ::ffff:127.2.0.0/112", [2]),
        ("--to ::ffff:127.2.0.1", [2]),
        ("--to ::/0", []),
        ("--to 10.0.0.0/8", []),
        ("--not-to 127.2.0.1", [0, 1, 3]),
        ("--not-to 127.1.0.0/16,127.3.0.0/16", [2]),
        ("--not-to ::/0", [0, 1, 2, 3]),
        ("--to 127.0.0.0/14 --not-to 127.1.0.0/16", [2, 3]),
        ("--to 127.1.0.0/16 --not-to 127.1.0.0/16", []),
    ],
)
def test_ipv4_networks(options: str, expected: list[int]) -> None:
    """A network has its first and its last address; --not-to takes away."""
    actual = traced(options.split(), [(address, 80) for address in FOUR])
    assert actual == [FOUR[i] for i in expected]


SIX = ["::1", "fd00:1::1", "fd00:1::ffff", "fd00:2::1", "ff::1"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--to ::1", [0]),
        ("--to fd00:1::/64", [1, 2]),
        ("--to fd00:1::/112,ff::1", [1, 2, 4]),
        ("--to fd00::/8", [1, 2, 3]),
        ("--to fd00:1::2/127,fd00:1::1/128", [1]),
        ("--to ::/0", [0, 1, 2, 3, 4]),
        ("--to ::/1", [0, 4]),
        ("--to 0.0.0.0/0", []),
        ("--not-to fd00:1::/64", [0, 3, 4]),
        ("--to fd00::/8 --not-to fd00:1::8000/113", [1, 3]),
    ],
)
def test_ipv6_networks(netns: NetNs, options: str, expected: list[int]) -> None:
    """IPv6 networks are exact in both halves of an address."""
    for address in SIX[1:]:
        netns.ip(f"addr add {address}/128 dev lo nodad")
    actual = traced(options.split(), [(address, 80) for address in SIX])
    assert actual == [SIX[i] for i in expected]


def test_mapped_socket_is_ipv4() -> None:
    """An IPv6 socket that speaks IPv4 passes as IPv4."""
    made = [("::ffff:127.1.2.3", 80), ("::1", 80)]
    assert traced(["--to", "127.1.0.0/16"], made) == ["127.1.2.3"]


def test_sources() -> None:
    """--from looks at the source address: bound, or chosen by the route."""
    with Tool("-j", "-p", os.getpid(), "--from", "127.9.0.0/16,::1") as tool:
        attempt("127.0.0.1", 1, ("127.9.8.7", 0))
        attempt("127.0.0.1", 2, ("127.8.8.7", 0))
        attempt("127.0.0.1", 3)
        attempt("::1", 4)
        assert tool.stop() == 0
        shown = [(event["saddr"], event["dport"]) for event in tool.all_events()]
    assert shown == [("127.9.8.7", 1), ("::1", 4)]


def test_ten_thousand_networks() -> None:
    """Of random networks, many and of many lengths, each address is told right."""
    chance = random.Random(5)  # noqa: S311 (the same ones each time)
    networks: set[ipaddress.IPv4Network] = set()
    while len(networks) < 10_000:
        length = chance.randrange(14, 33)
        number = (127 << 24 | chance.getrandbits(24)) >> (32 - length) << (32 - length)
        if chance.random() < 0.5:
            number = chance.getrandbits(length) << (32 - length)
        networks.add(ipaddress.IPv4Network((number, length)))
    some = chance.sample(sorted(networks, key=str), 9_500)
    addresses = [f"127.0.0.{n}" for n in range(1, 5)]
    addresses += [str(ipaddress.ip_address(127 << 24 | chance.getrandbits(24) | 1))]
    for network in chance.sample([n for n in networks if n[0] in LOOPBACK], 200):
        addresses += [str(network[0]), str(network[-1])]
    unusable = {"127.0.0.0", "127.255.255.255"}
    made = [address for address in addresses if address not in unusable]
    expected = [a for a in made if _is_in(ipaddress.ip_address(a), some)]
    with trace(pids=[os.getpid()], to=some) as events:
        for address in made:
            attempt(address, 80)
        events.stop()
        assert [event.daddr for event in events] == expected


LOOPBACK = ipaddress.ip_network("127.0.0.0/8")


def _is_in(address: object, networks: Iterable[object]) -> bool:
    return any(address in network for network in networks)  # type: ignore[operator]


def test_not_ports() -> None:
    """--not-port takes away, from all ports or from those of -P."""
    made = [("127.0.0.1", port) for port in (79, 80, 81, 443, 444)]

    def ports(*options: str) -> list[int]:
        with Tool("-j", "-p", os.getpid(), *options) as tool:
            for address, port in made:
                attempt(address, port)
            assert tool.stop() == 0
            return [event["dport"] for event in tool.all_events()]

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


@contextmanager
def cgroup(path: Path) -> Iterator[Path]:
    """Make a cgroup, and those above it that are not there; remove them all."""
    missing = [p for p in (path, *path.parents) if not p.exists()]
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        for directory in missing:
            directory.rmdir()


@contextmanager
def in_cgroup(path: Path) -> Iterator[Child]:
    """A child in a new cgroup, which attempts port 80."""
    with Child(lambda: attempt("127.0.0.1", 80)) as child, cgroup(path):
        (path / "cgroup.procs").write_text(str(child.pid))
        try:
            yield child
        finally:
            (unified() / "cgroup.procs").write_text(str(child.pid))


def shown_of(children: list[Child], *options: object) -> list[int]:
    """Let children attempt under filters; return the indexes of those traced."""
    pids = [child.pid for child in children]
    with Tool("-j", "-p", ",".join(map(str, pids)), *options) as tool:
        for child in children:
            child.run()
        assert tool.stop() == 0
        return [pids.index(event["pid"]) for event in tool.all_events()]


def test_cgroups() -> None:
    """--cgroup passes a cgroup and all below it, by each way to write its path."""
    top = f"tcpc-test-{os.getpid()}"
    root = unified()
    with (
        in_cgroup(root / top / "a") as a,
        in_cgroup(root / top / "a/below/deep") as below,
        in_cgroup(root / top / "b") as b,
        in_cgroup(root / f"{top}-a") as beside,
    ):
        every = [a, below, b, beside]
        for path in (f"{top}/a", f"/{top}/a", root / top / "a", f"{top}/a/"):
            assert shown_of(every, "--cgroup", path) == [0, 1]
        assert shown_of(every, "--cgroup", top) == [0, 1, 2]
        both = ("--cgroup", f"{top}/a/below", "--cgroup", f"{top}/b")
        assert shown_of(every, *both) == [1, 2]
        assert shown_of(every, "--cgroup", "/") == [0, 1, 2, 3]


CONTAINERS = [
    f"system.slice/docker-{ID}.scope",
    f"machine.slice/libpod-{OTHER_ID}.scope/container",
    "lxc.payload.tcpc-web",
    r"machine.slice/machine-tcpc\x2ddb.scope/payload",
]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([ID], [0]),
        ([ID[:12]], [0]),
        ([ID[:5]], [0]),
        ([OTHER_ID], [1]),
        (["tcpc-web"], [2]),
        (["tcpc-db"], [3]),
        ([f"{ID[:12]},tcpc-db"], [0, 3]),
        ([ID[:12], OTHER_ID[:12]], [0, 1]),
    ],
)
def test_containers(names: list[str], expected: list[int]) -> None:
    """--container passes all in it, by ID, the beginning of it, or name."""
    root = unified() / f"tcpc-test-{os.getpid()}"
    with (
        in_cgroup(root / CONTAINERS[0]) as one,
        in_cgroup(root / CONTAINERS[1]) as two,
        in_cgroup(root / CONTAINERS[2]) as three,
        in_cgroup(root / CONTAINERS[3]) as four,
    ):
        options = [word for name in names for word in ("--container", name)]
        assert shown_of([one, two, three, four], *options) == expected


def test_containers_and_cgroups() -> None:
    """With --cgroup as well, what is in both is shown."""
    root = unified() / f"tcpc-test-{os.getpid()}"
    with (
        in_cgroup(root / "a" / CONTAINERS[2]) as inside,
        in_cgroup(root / "b" / CONTAINERS[2]) as outside,
    ):
        options = ("--container", "tcpc-web", "--cgroup", f"{root.name}/a")
        assert shown_of([inside, outside], *options) == [0]


def test_container_of_cgroup_v1() -> None:
    """A container that is in cgroup v1 only is told by its mount namespace."""
    if not (V1 / "cgroup.procs").exists():
        pytest.skip("this machine has no cgroup v1")
    path = V1 / f"docker/{ID}"

    def unshare() -> None:
        assert libc.unshare(CLONE_NEWNS) == 0

    work = lambda: attempt("127.0.0.1", 80)  # noqa: E731
    with Child(work, unshare) as inside, Child(work) as outside, cgroup(path):
        (path / "cgroup.procs").write_text(str(inside.pid))
        try:
            shown = shown_of([inside, outside], "--container", ID[:12])
            assert shown == [0]
        finally:
            (V1 / "cgroup.procs").write_text(str(inside.pid))


def refusal(*options: object) -> str:
    """Run with these options; return the only line of the error."""
    result = run_tool(*options)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("tcpconnect: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("tcpconnect: ").rstrip("\n")


def test_unknown_names(netns: NetNs) -> None:
    """A name that matches nothing is one line, with what is like it."""
    top = f"tcpc-test-{os.getpid()}"
    near = f"{netns.name}x"
    end = "; tcpconnect -h shows the options"
    with cgroup(unified() / top / "nginx.service"), cgroup(unified() / CONTAINERS[2]):
        said = refusal("--netns", near)
        assert said.startswith(
            f"argument --netns: no network namespace {near!r} here (did you mean "
        )
        assert netns.name in said
        assert refusal("--cgroup", f"{top}/ngix.service") == (
            f"no cgroup '{top}/ngix.service' in {unified()}; "
            f"did you mean {top}/nginx.service?"
        )
        assert f"did you mean {top}/nginx.service" in refusal(
            "--cgroup", "nginx.service"
        )
        assert refusal("--container", "tcpc-wbe") == (
            "no container 'tcpc-wbe'; did you mean tcpc-web?"
        )
    assert refusal("-u", "roott") == (
        "argument -u/--uid: no user 'roott' on this machine (did you mean root?)" + end
    )
    assert refusal("--netns", 4194304) == (
        "argument --netns: no process 4194304 (No such file or directory)" + end
    )


def test_cgroup_outside_of_the_hierarchy() -> None:
    """A path does not lead out of where cgroup v2 is mounted."""
    for path in ("..", "../..", "/proc/self", ""):
        assert refusal("--cgroup", path).startswith(f"no cgroup {path!r} in ")


def test_cgroup_of_v1() -> None:
    """A path of cgroup v1 is said to be one, with what helps."""
    if not V1.is_dir():
        pytest.skip("this machine has no cgroup v1")
    assert refusal("--cgroup", V1).startswith(
        f"no cgroup '{V1}' of v2: it is of cgroup v1 ({V1}); only cgroups of v2 can be "
        "filtered: name its processes with -f -p PID, or boot with "
    )


def test_ambiguous_container() -> None:
    """The beginning of several IDs is refused, with the IDs."""
    root = unified() / f"tcpc-test-{os.getpid()}"
    with cgroup(root / CONTAINERS[0]), cgroup(root / f"docker/{OTHER_ID}"):
        said = refusal("--container", ID[:4])
    assert said.startswith(f"2 containers {ID[:4]!r}: ")
    assert {ID[:12], OTHER_ID[:12]} == {
        word.strip(",;") for word in said.split() if len(word.strip(",;")) == 12
    }


def test_api() -> None:
    """trace() takes texts and networks, and says what is none."""
    networks = ["127.5.0.0/16", ipaddress.ip_network("127.6.0.1")]
    with trace(pids=[os.getpid()], to=networks, not_to=["127.5.0.2"]) as events:
        for address in ("127.5.0.1", "127.5.0.2", "127.6.0.1", "127.6.0.2"):
            attempt(address, 80)
        events.stop()
        assert [event.daddr for event in events] == ["127.5.0.1", "127.6.0.1"]
    with pytest.raises(UsageError):
        trace(to=["10.0.0.0/33"])
    with pytest.raises(UsageError):
        trace(cgroups=["no/such"])


# The maps that a filter looks into.
FILTER_MAPS = {
    "-p 1": {"pids"},
    "-u 0": {"uids"},
    "--comm x": {"comms"},
    "--netns 4026531840": {"netnses"},
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
    with Tool(*options.split(), stdout=subprocess.DEVNULL) as tool:
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
