"""Filters by network: --to, --not-to, --from."""

from __future__ import annotations

import ipaddress
import os
import random
from typing import TYPE_CHECKING

import pytest

from tcpconnect import trace
from tcpconnect.errors import UsageError
from tests.support.attempts import attempt
from tests.support.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.network import NetNs

pytestmark = pytest.mark.usefixtures("netns")


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
    """With many random networks of many lengths, each address matches correctly."""
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


def test_api() -> None:
    """trace() takes texts and networks, and refuses others."""
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
