"""Attempts that the kernel refuses before it sends a SYN: each is a line."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect import trace
from tcpconnect.kernel.records import (
    REFUSED_BY_CGROUP,
    REFUSED_BY_KERNEL,
    REFUSED_BY_LSM,
)
from tests.support.attempts import PORT, Child, attempt, comm
from tests.support.connect_programs import RETURN_0, deny_tcp, has_landlock, program
from tests.support.tool import Tool

if TYPE_CHECKING:
    from tests.support.network import NetNs

COLUMNS = "ip,daddr,dport,latency_ms,result"

# What a namespace of this kind refuses: its routes, and what connect(2) then returns.
ROUTES = {
    "unreachable 198.51.100.1": ("198.51.100.1", "EHOSTUNREACH"),
    "prohibit 198.51.100.2": ("198.51.100.2", "EACCES"),
    "blackhole 198.51.100.3": ("198.51.100.3", "EINVAL"),
    "throw 198.51.100.4": ("198.51.100.4", "ENETUNREACH"),
    "unreachable 2001:db8::1": ("2001:db8::1", "EHOSTUNREACH"),
    "prohibit 2001:db8::2": ("2001:db8::2", "EACCES"),
    "blackhole 2001:db8::3": ("2001:db8::3", "EINVAL"),
}
WITHOUT_ROUTE = {
    "192.0.2.1": "ENETUNREACH",
    "::ffff:192.0.2.2": "ENETUNREACH",
    "2001:db8::9": "ENETUNREACH",
    "fe80::1": "EINVAL",
    "ff02::1": "ENETUNREACH",
}


def connect(address: str, kind: int = socket.SOCK_STREAM) -> str:
    """Connect once; return the name of the errno."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as client:
        return errno.errorcode[client.connect_ex((address, PORT))]


def refused(address: str, result: str, latency_ms: float = 0.0) -> dict[str, object]:
    """Return the event of a refused attempt."""
    daddr = address.removeprefix("::ffff:")
    ip = 6 if ":" in daddr else 4
    what = {"daddr": daddr, "dport": PORT, "latency_ms": latency_ms, "result": result}
    return {"ip": ip, **what}


def shown(*options: object) -> Tool:
    """Return a tool that shows the refused attempts of this process."""
    columns = options or ("--columns", COLUMNS)
    return Tool("--failed", "-j", "-p", os.getpid(), *columns)


@pytest.mark.usefixtures("netns")
@pytest.mark.parametrize(("address", "result"), WITHOUT_ROUTE.items())
def test_no_route(address: str, result: str) -> None:
    """Without a route, or without the scope of an address."""
    with shown() as tool:
        assert connect(address) == result
        assert tool.events(1) == [refused(address, result)]
        assert tool.stop() == 0


@pytest.mark.parametrize(("route", "expected"), ROUTES.items())
def test_types_of_routes(netns: NetNs, route: str, expected: tuple[str, str]) -> None:
    """Each type of route has its errno."""
    netns.ip(f"route add {route}")
    address, result = expected
    with shown() as tool:
        assert connect(address) == result
        assert tool.events(1) == [refused(address, result)]
        assert tool.stop() == 0


@pytest.mark.usefixtures("netns")
@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::9"])
@pytest.mark.parametrize("count", ["-j", "-cj"])
def test_no_source(count: str, address: str) -> None:
    """The kernel had not chosen a source address: none is shown."""
    options = (count, "--failed", "-p", os.getpid(), "--columns", "saddr,daddr")
    with Tool(*options) as tool:
        assert connect(address) == "ENETUNREACH"
        assert tool.stop() == 0
        assert tool.all_events() == [{"saddr": None, "daddr": address}]


@pytest.mark.usefixtures("netns")
def test_source_that_was_bound() -> None:
    """The program has chosen it."""
    with shown("--columns", "saddr,lport,daddr") as tool, socket.socket() as client:
        client.bind(("127.0.0.1", 0))
        assert client.connect_ex(("192.0.2.1", PORT)) == errno.ENETUNREACH
        source, port = client.getsockname()
        expected = {"saddr": source, "lport": port, "daddr": "192.0.2.1"}
        assert tool.events(1) == [expected]


@pytest.mark.usefixtures("netns")
def test_what_is_none() -> None:
    """Neither datagrams, nor second calls for one attempt, nor what is connected."""
    with shown() as tool, socket.create_server(("127.0.0.1", 0)) as server:
        assert connect("192.0.2.1", socket.SOCK_DGRAM) == "ENETUNREACH"
        target = server.getsockname()
        with socket.socket() as client:
            client.settimeout(0)
            assert client.connect_ex(target) in {0, errno.EINPROGRESS}
            client.connect_ex(target)
            client.settimeout(None)
            assert client.connect_ex(target) in {0, errno.EISCONN}
            assert client.connect_ex(target) == errno.EISCONN
        attempt("127.0.0.1", PORT)
        assert connect("192.0.2.1") == "ENETUNREACH"
        assert [e["result"] for e in tool.events(2)] == ["ECONNREFUSED", "ENETUNREACH"]
        assert tool.stop() == 0


FILTERS: dict[str, tuple[object, object]] = {
    "ports": ([PORT], [PORT + 1]),
    "not_ports": ([PORT + 1], [PORT]),
    "to": (["192.0.2.0/24"], ["198.51.100.0/24"]),
    "not_to": (["198.51.100.0/24"], ["192.0.2.0/24"]),
    "from_": (["127.0.0.1"], ["127.0.0.2"]),
    "ip": (4, 6),
    "uids": ([os.getuid()], [12345]),
    "comms": ([comm()], ["another"]),
}


@pytest.mark.usefixtures("netns")
@pytest.mark.parametrize("member", FILTERS)
@pytest.mark.parametrize("count", [False, True])
def test_filters(member: str, *, count: bool) -> None:
    """Those hold that hold for all attempts."""
    for value, found in zip(FILTERS[member], (["192.0.2.1"], []), strict=True):
        options: dict[str, Any] = {"pids": [os.getpid()], member: value}
        with trace(failed=True, count=count, **options) as events:
            with socket.socket() as client:
                client.bind(("127.0.0.1", 0))
                assert client.connect_ex(("192.0.2.1", PORT)) == errno.ENETUNREACH
            events.stop()
            (batch,) = [b.events for b in events.batches() if b.events] or [[]]
        assert [event.daddr for event in batch] == found


@pytest.mark.usefixtures("netns")
def test_counted() -> None:
    """With -c they are connects that failed, without a latency."""
    options = ("-c", "--failed", "-j", "-p", os.getpid())
    columns = "daddr,connects,ok,failed,latency_avg_ms,latency_max_ms"
    with Tool(*options, "--columns", columns) as tool:
        for _ in range(3):
            assert connect("192.0.2.1") == "ENETUNREACH"
        assert tool.stop() == 0
        counts = {"connects": 3, "ok": 0, "failed": 3}
        latencies = {"latency_avg_ms": None, "latency_max_ms": None}
        assert tool.all_events() == [{"daddr": "192.0.2.1", **counts, **latencies}]


@pytest.mark.usefixtures("netns")
def test_by_a_program_of_a_cgroup() -> None:
    """A policy that denies the connect: EPERM, and it is known who."""
    with program(RETURN_0), trace(failed=True, pids=[os.getpid()]) as events:
        assert connect("127.0.0.1") == "EPERM"
        events.stop()
        (event,) = events
    assert (event.daddr, event.dport, event.result) == ("127.0.0.1", PORT, "EPERM")
    assert event.refused_by == REFUSED_BY_CGROUP


@pytest.mark.usefixtures("netns")
@pytest.mark.skipif(not has_landlock(), reason="this kernel has no Landlock for TCP")
def test_by_an_lsm() -> None:
    """An LSM that denies the connect: EACCES, and it is known who."""

    def denied() -> None:
        assert connect("127.0.0.1") == "EACCES"

    with (
        Child(denied, deny_tcp) as child,
        trace(failed=True, pids=[child.pid]) as events,
    ):
        child.run()
        events.stop()
        (event,) = events
    assert (event.daddr, event.dport, event.result) == ("127.0.0.1", PORT, "EACCES")
    assert event.refused_by == REFUSED_BY_LSM


def test_by_the_kernel(netns: NetNs) -> None:
    """EACCES of a route is not that of an LSM."""
    netns.ip("route add prohibit 198.51.100.2")
    with trace(failed=True, pids=[os.getpid()]) as events:
        assert connect("198.51.100.2") == "EACCES"
        events.stop()
        (event,) = events
    assert event.refused_by == REFUSED_BY_KERNEL
