"""Sets of networks as the BPF program searches them: sorted, with an index.

The addresses of a set are ranges, and membership changes where one begins and where one
has ended. These changes are sorted; an address is in a range if the number of changes
up to it is odd. An index by the first 16 bits of the address leaves few to
search (M. Zec et al., "DXR: Towards a Billion Routing Lookups Per Second in Software",
2012).
"""

from __future__ import annotations

from array import array
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Network, IPv6Network

    from tcpconnect.kernel.config import Networks

    Network = IPv4Network | IPv6Network

FIRST_BITS = 1 << 16
HALF = (1 << 64) - 1


class NetworkSet:
    """The networks of a filter: the ``values`` of its two maps, and their constants.

    A value is empty if the set has no network of that IP version.

    An IPv6 network matches IPv6 only, even if it includes IPv4-mapped addresses.
    """

    def __init__(self, networks: Iterable[Network]) -> None:
        every = list(networks)
        self._ipv4 = _changes(n for n in every if n.version == 4)
        self._ipv6 = _changes(n for n in every if n.version == 6)
        self._before_ipv4 = _before(change >> 16 for change in self._ipv4)
        self._before_ipv6 = _before(change >> 112 for change in self._ipv6)
        halves = ((change >> 64, change & HALF) for change in self._ipv6)
        self.values = {
            "ipv4": _value(
                self._before_ipv4, array("H", (c & 0xFFFF for c in self._ipv4))
            ),
            "ipv6": _value(
                self._before_ipv6,
                array("Q", (half for pair in halves for half in pair)),
            ),
        }

    def configure(self, networks: Networks) -> None:
        """Set the constants of the program, before the load."""
        networks.ipv4_changes = len(self._ipv4)
        networks.ipv4_steps = _steps(self._before_ipv4)
        networks.ipv6_changes = len(self._ipv6)
        networks.ipv6_steps = _steps(self._before_ipv6)


def _changes(networks: Iterable[Network]) -> list[int]:
    """Return the first address of each range and the first one after it, in turn."""
    changes: list[int] = []
    limit = 0
    for network in sorted(networks, key=lambda n: int(n.network_address)):
        first = int(network.network_address)
        after = int(network.broadcast_address) + 1
        limit = 1 << network.max_prefixlen
        if changes and first <= changes[-1]:
            changes[-1] = max(changes[-1], after)
        else:
            changes += [first, after]
    if changes and changes[-1] == limit:  # no address follows
        changes.pop()
    return changes


def _before(first_bits: Iterable[int]) -> array[int]:
    """Return how many changes are below each value of the first bits."""
    counts = [0] * (FIRST_BITS + 1)
    for bits in first_bits:
        counts[bits + 1] += 1
    return array("I", [*accumulate(counts), 0])  # one more for alignment


def _steps(before: array[int]) -> int:
    """Return how many halvings the largest part needs."""
    return max(b - a for a, b in pairwise(before[:-1])).bit_length()


def _value(before: array[int], changes: array[int]) -> bytes:
    return before.tobytes() + changes.tobytes() if changes else b""
