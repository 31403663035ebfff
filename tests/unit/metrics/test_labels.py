"""What labels say of a destination."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpconnect.metrics.labels import address_of


@pytest.mark.parametrize(
    ("name", "address", "label"),
    [
        ("example.com", "93.184.216.34", "example.com"),
        (None, "93.184.216.34", "public"),
        (None, "2606:2800:220:1::1", "public"),
        (None, "2001:db8::1", "public"),
        (None, "64:ff9b::808:808", "public"),
        (None, "::", "public"),
        (None, "172.32.0.1", "public"),
        (None, "100.128.0.1", "public"),
        (None, "11.0.0.1", "public"),
        (None, "10.1.2.3", "10.1.2.3"),
        (None, "127.0.0.1", "127.0.0.1"),
        (None, "172.31.255.1", "172.31.255.1"),
        (None, "192.168.1.1", "192.168.1.1"),
        (None, "169.254.169.254", "169.254.169.254"),
        (None, "100.64.0.1", "100.64.0.1"),
        (None, "::1", "::1"),
        (None, "fd00:1::1", "fd00:1::1"),
        (None, "fe80::1", "fe80::1"),
        (None, None, ""),
        # Names that libc takes for addresses.
        ("93.184.216.34", "93.184.216.34", "public"),
        ("134744072", "8.8.8.8", "public"),
        ("0x08080808", "8.8.8.8", "public"),
        ("2606:2800:220:1::1", None, "public"),
        ("fe80::1%eth0", "fe80::1", "fe80::1"),
        ("0x7f.1", "127.0.0.1", "127.0.0.1"),
        ("x" * 300, None, "x" * 255),
    ],
)
def test_a_destination(name: str | None, address: str | None, label: str) -> None:
    """It is a name, a private address or public: never a raw public address."""
    assert address_of(name, address) == label


TEXTS = st.text() | st.text("0123456789abcdefx.:%/ ") | st.ip_addresses().map(str)


@given(TEXTS, st.ip_addresses().map(str))
def test_no_public_address(name: str, address: str) -> None:
    """Whatever a name is, its label is no public address."""
    label = address_of(name, address)
    try:
        found = ip_address(label)
    except ValueError:
        return
    assert not found.is_global
