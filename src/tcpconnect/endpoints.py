"""Endpoint: an address and a port of this machine, of ``prometheus://ADDRESS:PORT``."""

from __future__ import annotations

import re
from typing import NamedTuple

from tcpconnect import metrics_messages as messages
from tcpconnect.errors import UsageError, masked

LOCAL = "127.0.0.1"
MAX_PORT = 65535
_WRITTEN = re.compile(r"//(?:(?:\[([^][]*)\]|([^][:/@]*)):)?(\d{1,5})/?", re.ASCII)


class Endpoint(NamedTuple):
    """Where to listen."""

    address: str
    port: int

    @property
    def is_ipv6(self) -> bool:
        """Whether it is an address of IPv6."""
        return ":" in self.address

    def __str__(self) -> str:
        address = f"[{self.address}]" if self.is_ipv6 else self.address
        return f"{address}:{self.port}"


def endpoint(text: str) -> Endpoint:
    """Read ``//[ADDRESS:]PORT``, 127.0.0.1 unless it is given. Raises UsageError."""
    found = _WRITTEN.fullmatch(text)
    if not found:
        raise _invalid(text, "it is not ADDRESS:PORT")
    ipv6, other, digits = found.groups()
    if not 0 < int(digits) <= MAX_PORT:
        raise _invalid(text, f"a port is a number from 1 to {MAX_PORT}")
    address = ipv6 if ipv6 is not None else other or LOCAL
    if not _is_address(address, is_ipv6=ipv6 is not None):
        raise _invalid(text, f"{address!r} is no IP address")
    return Endpoint(address, int(digits))


def _is_address(text: str, *, is_ipv6: bool) -> bool:
    from ipaddress import IPv4Address, IPv6Address

    try:
        _ = IPv6Address(text) if is_ipv6 else IPv4Address(text)
    except ValueError:
        return False
    return True


def _invalid(text: str, reason: str) -> UsageError:
    place = masked(f"prometheus:{text}")
    return UsageError(messages.INVALID_ENDPOINT, value=place, reason=reason)
