"""Results of attempts that a router ends, or tries to."""

from __future__ import annotations

import errno
import select
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.peer import SYN, Peer
from tests.support.sockets import (
    GIVE_UP_MS,
    HOLE,
    NEAR,
    NEAR6,
    UNREACHABLE,
    Watch,
    begin,
    event,
    give_up_soon,
    port,
)
from tests.support.timers import watch_timer
from tests.support.waiting import TIMEOUT_S

if TYPE_CHECKING:
    from tests.support.network import NetNs

# How long a router may take to report an unreachable host, in an emulated machine.
ROUTER_MS = 2000
# include/uapi/linux/icmp.h, and icmp_err_convert of net/ipv4/icmp.c.
NET_UNREACH, HOST_UNREACH, PROT_UNREACH, PORT_UNREACH, PKT_FILTERED = 0, 1, 2, 3, 13


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (NET_UNREACH, "ENETUNREACH"),
        (HOST_UNREACH, "EHOSTUNREACH"),
        (PROT_UNREACH, "ENOPROTOOPT"),
        (PORT_UNREACH, "ECONNREFUSED"),
        (PKT_FILTERED, "EHOSTUNREACH"),
    ],
)
def test_icmp_error(netns: NetNs, far: NetNs, code: int, name: str) -> None:
    """An ICMP error that comes while the socket is not locked ends the attempt."""
    with Peer(far) as router, Watch() as watch, socket.socket() as client:
        begin(client, HOLE)
        expected = event(netns, (NEAR, port(client)), HOLE, name)
        router.unreachable(router.packet(SYN), code)
        assert select.select((), (client,), (), TIMEOUT_S)[1]
        error = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        assert errno.errorcode[error] == name
        assert watch.outcomes() == [expected]


def ask_once(router: NetNs) -> None:
    """Let a router give up after one question of 10 ms, and send no redirects."""
    for version in (4, 6):
        neighbours = f"net.ipv{version}.neigh.far"
        router.sysctl(f"{neighbours}.mcast_solicit=1")
        router.sysctl(f"{neighbours}.retrans_time_ms=10")
    for device in ("all", "far"):
        router.sysctl(f"net.ipv4.conf.{device}.send_redirects=0")


@pytest.mark.parametrize("target", [("10.4.0.1", 80), ("fd00:4::1", 80)])
def test_router_finds_no_host(
    netns: NetNs, far: NetNs, target: tuple[str, int]
) -> None:
    """A router that asks for the host's address in vain says "host unreachable"."""
    ipv6 = ":" in target[0]
    far.ip(f"route add {target[0]} dev far")
    ask_once(far)

    def attempt() -> dict[str, Any]:
        with socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET) as client:
            give_up_soon(client, ROUTER_MS)
            assert client.connect_ex(target) == errno.EHOSTUNREACH
            source = (NEAR6 if ipv6 else NEAR, port(client))
            return event(netns, source, target, "EHOSTUNREACH")

    watch_timer(attempt)


@pytest.mark.usefixtures("far")
def test_timeout_after_icmp_error(netns: NetNs) -> None:
    """A timeout reports the ICMP error that came before.

    The answer to the first SYN comes while connect() has the socket locked, and does
    not end the attempt. (On a busy machine it may come later, and end it.)
    """

    def attempt() -> dict[str, Any]:
        with socket.socket() as client:
            give_up_soon(client)
            assert client.connect_ex(UNREACHABLE) == errno.EHOSTUNREACH
            return event(netns, (NEAR, port(client)), UNREACHABLE, "EHOSTUNREACH")

    tries = (watch_timer(attempt).latencies_ms[0] for _ in range(3))
    assert any(latency >= GIVE_UP_MS for latency in tries)


@pytest.mark.parametrize(
    ("route", "name"),
    [
        ("throw", "ENETUNREACH"),
        ("prohibit", "EHOSTUNREACH"),
    ],
)
def test_route(netns: NetNs, far: NetNs, route: str, name: str) -> None:
    """What a router says that has no route, or one that is forbidden."""
    target = ("10.4.0.1", 80)
    far.ip(f"route add {route} 10.4.0.0/16")

    def attempt() -> dict[str, Any]:
        with socket.socket() as client:
            give_up_soon(client)
            assert client.connect_ex(target) == getattr(errno, name)
            return event(netns, (NEAR, port(client)), target, name)

    watch_timer(attempt)


@pytest.mark.parametrize(
    ("route", "name"),
    [
        ("throw", "ENETUNREACH"),
        ("prohibit", "EACCES"),
    ],
)
def test_route_ipv6(netns: NetNs, far: NetNs, route: str, name: str) -> None:
    """The same on IPv6."""
    target = ("fd00:4::1", 80)
    far.ip(f"route add {route} fd00:4::/64")

    def attempt() -> dict[str, Any]:
        with socket.socket(socket.AF_INET6) as client:
            give_up_soon(client)
            assert client.connect_ex(target) == getattr(errno, name)
            return event(netns, (NEAR6, port(client)), target, name)

    watch_timer(attempt)
