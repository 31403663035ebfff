"""Why attempts fail before a SYN is sent: a word for each who refuses them."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.attempts import PORT, Child
from tests.support.connect_programs import (
    RETURN_0,
    deny_tcp,
    has_bpf_lsm,
    has_landlock,
    lsm,
    program,
)
from tests.support.mounts import etc
from tests.support.tool import Tool

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.network import NetNs

SHOWN = ("result", "why", "syns", "latency_ms")
ROUTES = {"unreachable": "EHOSTUNREACH", "prohibit": "EACCES", "blackhole": "EINVAL"}
BAD = {
    "fe80::1": "EINVAL",  # without its interface
    "ff02::1": "ENETUNREACH",
    "224.0.0.1": "ENETUNREACH",
    "255.255.255.255": "ENETUNREACH",
}


def connect(address: str) -> str:
    """Connect; return the name of the errno."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as client:
        return errno.errorcode[client.connect_ex((address, PORT))]


def explained(tool: Tool, count: int = 1) -> list[tuple[Any, ...]]:
    """Wait for so many events, stop, and return what is said of them all."""
    tool.events(count)
    assert tool.stop() == 0
    return [tuple(made[key] for key in SHOWN) for made in tool.all_events()]


def start(pid: int, *options: str) -> Tool:
    """Trace a process."""
    return Tool("-j", "--why", "-p", pid, *options)


@pytest.mark.usefixtures("netns")
def test_policy() -> None:
    """A program of the cgroup refuses it."""
    with program(RETURN_0), start(os.getpid()) as tool:
        assert connect("127.0.0.1") == "EPERM"
        assert explained(tool) == [("EPERM", "policy", 0, 0.0)]


@pytest.mark.usefixtures("netns")
@pytest.mark.skipif(not has_landlock(), reason="this kernel has no Landlock for TCP")
def test_denied() -> None:
    """A security module refuses it."""

    def denied() -> None:
        assert connect("127.0.0.1") == "EACCES"

    with Child(denied, deny_tcp) as child, start(child.pid) as tool:
        child.run()
        assert explained(tool) == [("EACCES", "denied", 0, 0.0)]


@pytest.mark.usefixtures("netns")
@pytest.mark.parametrize("result", ["EACCES", "EPERM"])
def test_denied_by_an_lsm_program(result: str) -> None:
    """A BPF LSM program refuses it, with an errno of its choice: SELinux has EACCES."""

    def denied() -> None:
        assert connect("127.0.0.1") == result

    if not has_bpf_lsm():
        pytest.skip("this kernel has no BPF LSM")
    with (
        Child(denied) as child,
        lsm(child.pid, getattr(errno, result)),
        start(child.pid) as tool,
    ):
        child.run()
        assert explained(tool) == [(result, "denied", 0, 0.0)]


@pytest.mark.parametrize("address", ["198.51.100.1", "2001:db8::1"])
@pytest.mark.parametrize(("kind", "result"), ROUTES.items())
def test_no_route(netns: NetNs, address: str, kind: str, result: str) -> None:
    """The route is one that refuses."""
    netns.ip(f"route add {kind} {address}")
    with start(os.getpid()) as tool:
        assert connect(address) == result
        assert explained(tool) == [(result, "no route", 0, 0.0)]


@pytest.mark.usefixtures("netns")
@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::9"])
def test_no_route_at_all(address: str) -> None:
    """There is none."""
    with start(os.getpid()) as tool:
        assert connect(address) == "ENETUNREACH"
        assert explained(tool) == [("ENETUNREACH", "no route", 0, 0.0)]


@pytest.mark.usefixtures("netns")
@pytest.mark.parametrize(("address", "result"), BAD.items())
def test_bad_address(address: str, result: str) -> None:
    """No TCP connection can go there."""
    with start(os.getpid()) as tool:
        assert connect(address) == result
        assert explained(tool) == [(result, "bad address", 0, 0.0)]


@pytest.mark.usefixtures("netns")
def test_lookup(tmp_path: Path) -> None:
    """The name has no address: nothing was attempted."""
    with (
        etc(tmp_path, "127.0.0.1 localhost\n"),
        start(os.getpid(), "-d", "--names", "libc") as tool,
    ):
        with pytest.raises(socket.gaierror):
            socket.getaddrinfo("nosuch.example", PORT)
        (event,) = tool.events(1)
        assert tool.stop() == 0
    assert (event["event"], event["why"]) == ("lookup", "lookup")
    assert (event["query"], event["syns"]) == ("nosuch.example", None)
