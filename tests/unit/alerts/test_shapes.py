"""Names that differ only in digits or hex are one."""

from __future__ import annotations

import pytest

from tcpconnect.alerts.alert import MAX_TEXT
from tcpconnect.alerts.shapes import shape_of


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("ip-10-1-2-3.ec2.internal", "ip-#-#-#-#.ec#.internal"),
        ("shard-9f3c", "shard-#"),
        ("shard-12", "shard-#"),
        ("shard9f3c.example.com", "shard#.example.com"),
        ("web01.example.com", "web#.example.com"),
        ("cafe.example.com", "cafe.example.com"),
        ("db.example.com", "db.example.com"),
        ("deadbeefcafe.example.com", "#.example.com"),
        ("7d44b2f0-1c5a-4f0e-9d3b-aabbccddeeff.s3.example", "#-#-#-#-#.s#.example"),
        ("10.1.2.3", "10.1.2.0/24"),
        ("10.1.2.0/24", "10.1.2.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("2001:db8:1::/48", "2001:db8:1::/48"),
        ("not:an:address", "not:an:address"),
        ("*", "*"),
        ("", ""),
    ],
)
def test_destinations(name: str, shape: str) -> None:
    """Digits and hex are anything; an address is its network."""
    assert shape_of("a", name, 443).destination == shape


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("nginx.service", "nginx.service"),
        ("shop/web-7d9c6b8f4d-x2kqz", "shop/web-#-#"),
        ("shop/web-wxkzz9b8f4-ppkqz", "shop/web-#-#"),
        ("user@1000.service", "user@#.service"),
        ("python3.11", "python#.#"),
        ("10.1.2.3", "#.#.#.#"),
    ],
)
def test_programs(name: str, shape: str) -> None:
    """The pods of a deployment are one program."""
    assert shape_of(name, "a", 443).program == shape


def test_long_names_are_cut() -> None:
    """Nobody fills the memory with names."""
    assert len(shape_of("a" * 5000, "b" * 5000, 1).destination) <= MAX_TEXT


def test_ports_differ() -> None:
    """Another port is another destination."""
    assert shape_of("a", "b", 80) != shape_of("a", "b", 443)
