"""The values of --to, --comm, --netns and the like, and sets of networks."""

from __future__ import annotations

import os
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpconnect import arguments
from tcpconnect.errors import UsageError
from tcpconnect.kernel.networks import FIRST_BITS, NetworkSet
from tcpconnect.parsing import parse
from tests.support.properties import steady

if TYPE_CHECKING:
    from collections.abc import Callable
    from ipaddress import IPv4Network
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.0/8", {"10.0.0.0/8"}),
        ("10.1.2.3", {"10.1.2.3/32"}),
        ("::1", {"::1/128"}),
        ("fd00::/8, 10.0.0.0/8", {"fd00::/8", "10.0.0.0/8"}),
        ("0.0.0.0/0,::/0", {"0.0.0.0/0", "::/0"}),
        ("::ffff:10.1.2.3", {"10.1.2.3/32"}),
        ("::ffff:10.0.0.0/104", {"10.0.0.0/8"}),
        ("::ffff:0:0/96", {"0.0.0.0/0"}),
        ("::ffff:0:0/95", None),
        ("::fffe:0:0/95", {"::fffe:0:0/95"}),
        ("10.0.0.0/255.0.0.0", {"10.0.0.0/8"}),
    ],
)
def test_networks(text: str, expected: set[str] | None) -> None:
    """Networks and addresses; what is IPv4-mapped is IPv4, what is wider is IPv6."""
    if expected is None:
        with pytest.raises(UsageError):
            arguments.networks(text)
    else:
        assert {str(network) for network in arguments.networks(text)} == expected


def no_network(text: str) -> str:
    """Return the error of a text that is not a network."""
    expected = "expected for example 10.0.0.0/8, fd00::/8 or 192.0.2.1"
    return f"invalid address or network {text!r}: {expected}"


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        (arguments.networks, "", "missing network in ''"),
        (arguments.networks, "10.0.0.0/33", no_network("10.0.0.0/33")),
        (arguments.networks, "10.0.0", no_network("10.0.0")),
        (arguments.networks, "example.com", no_network("example.com")),
        (arguments.networks, "fe80::1%eth0", no_network("fe80::1%eth0")),
        (
            arguments.networks,
            "10.1.2.3/8",
            (
                "invalid network '10.1.2.3/8': it has host bits set; "
                "did you mean 10.0.0.0/8?"
            ),
        ),
        (arguments.comms, "a,,b", "missing name in 'a,,b'"),
        (
            arguments.comms,
            "sixteen-bytes-xy",
            (
                "invalid thread name 'sixteen-bytes-xy': longer than 15 bytes; "
                "the kernel cuts it to 'sixteen-bytes-x'"
            ),
        ),
        (
            arguments.netns,
            "4294967296",
            "invalid PID or inode '4294967296': expected a number from 1 to 4294967295",
        ),
        (
            arguments.netns,
            "0",
            "invalid PID or inode '0': expected a number from 1 to 4294967295",
        ),
        (
            arguments.netns,
            "../net",
            "no network namespace '../net': not in /run/netns",
        ),
        (
            arguments.uids,
            "rooot",
            "no user 'rooot' on this machine; did you mean root?",
        ),
    ],
)
def test_refused(
    parse: Callable[[str], frozenset[object]], text: str, expected: str
) -> None:
    """What makes no sense is refused, with what would."""
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert str(caught.value) == expected


def test_comms() -> None:
    """Names of up to 15 bytes, whatever the characters."""
    expected = {"curl", "fifteen-bytes-x", "\u00e4" * 7}
    assert arguments.comms(f"curl,fifteen-bytes-x,{chr(0xE4) * 7}") == expected


def test_netns_by_number() -> None:
    """A small number is a PID, a large one an inode."""
    assert arguments.netns(str(os.getpid())) == {f"/proc/{os.getpid()}/ns/net"}
    assert arguments.netns("4026531840,4294967295") == {4026531840, 4294967295}


def test_netns_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name comes before a PID; one that is left of a namespace is refused."""
    monkeypatch.setattr(arguments, "NETNS_NAMES", str(tmp_path))
    (tmp_path / "blue").symlink_to("/proc/self/ns/net")
    (tmp_path / "1").symlink_to("/proc/self/ns/net")
    (tmp_path / "gone").touch()
    assert arguments.netns("blue,1") == {f"{tmp_path}/blue", f"{tmp_path}/1"}
    assert arguments.netns(f"{tmp_path}/blue") == {f"{tmp_path}/blue"}
    with pytest.raises(UsageError, match="gone is stale: no network namespace is"):
        arguments.netns("gone")
    with pytest.raises(UsageError, match="did you mean blue"):
        arguments.netns("bleu")


@pytest.mark.parametrize(
    ("line", "name", "expected"),
    [
        ("-p 1 -p 2,3", "pids", {1, 2, 3}),
        ("-P 80 --port 81-82", "ports", {80, 81, 82}),
        ("-u root -u 7", "uids", {0, 7}),
        ("--not-port 1 --not-port 2", "not_ports", {1, 2}),
        ("--comm a --comm b,c", "comms", {"a", "b", "c"}),
        ("--container a,b --container c", "containers", {"a", "b", "c"}),
        ("--cgroup a,b --cgroup c", "cgroups", {"a,b", "c"}),
        (
            "--to 10.0.0.0/8 --to ::1",
            "to",
            {ip_network("10.0.0.0/8"), ip_network("::1")},
        ),
        ("--from ::1", "from_", {ip_network("::1")}),
    ],
)
def test_options_are_repeatable(line: str, name: str, expected: set[object]) -> None:
    """What is given again is more, not instead; a parser remembers nothing."""
    assert parse(line.split()).changes == {name: expected}
    assert parse([]).changes == {}


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("-- curl", ["curl"]),
        ("-t -- curl -p x --to", ["curl", "-p", "x", "--to"]),
        ("-- curl -- -x", ["curl", "--", "-x"]),
        ("-t", []),
        ("-f -- curl", ["curl"]),
    ],
)
def test_command(line: str, command: list[str]) -> None:
    """All that follows the first -- is the command's; it is followed without -f."""
    parsed = parse(line.split())
    assert (parsed.command, parsed.changes) == (command, {})


def contains(networks: NetworkSet, text: str) -> bool:
    """Look an address up as the program does, by the values of its maps."""
    address = ip_address(text)
    version, size = ("ipv4", 2) if address.version == 4 else ("ipv6", 16)
    value = networks.values[version]
    if not value:
        return False
    words = memoryview(value[: 4 * (FIRST_BITS + 2)]).cast("I")
    first = int(address) >> (address.max_prefixlen - 16)
    at, end = words[first], words[first + 1]
    changes = value[4 * (FIRST_BITS + 2) :]

    def change(index: int) -> int:
        raw = changes[index * size : (index + 1) * size]
        if version == "ipv4":
            return first << 16 | int.from_bytes(raw, "little")
        high, low = raw[:8], raw[8:]
        return int.from_bytes(high, "little") << 64 | int.from_bytes(low, "little")

    while at < end:
        middle = (at + end) // 2
        if change(middle) <= int(address):
            at = middle + 1
        else:
            end = middle
    return at % 2 == 1


NETWORKS = st.one_of(
    st.builds(
        lambda number, length: ip_network(
            (number >> (32 - length) << (32 - length), length)
        ),
        st.integers(0, 2**32 - 1),
        st.integers(0, 32),
    ),
    st.builds(
        lambda number, length: ip_network(
            ((number >> (128 - length) << (128 - length)).to_bytes(16, "big"), length)
        ),
        st.integers(0, 2**128 - 1),
        st.integers(0, 128),
    ),
)


@given(networks=st.lists(NETWORKS, max_size=12))
@steady
def test_any_networks(networks: list[IPv4Network]) -> None:
    """Every bound of every network, and its neighbours, match correctly."""
    found = NetworkSet(networks)
    for network in networks:
        top = (1 << network.max_prefixlen) - 1
        ends = (int(network[0]), int(network[-1]))
        for number in {n + step for n in ends for step in (-1, 0, 1)}:
            if 0 <= number <= top:
                address = type(network[0])(number)
                assert contains(found, str(address)) == any(
                    address in other for other in networks
                )
