"""A peer made of raw packets, behind the router of the fixture ``far``."""

from __future__ import annotations

import select
import socket
from struct import pack, unpack_from
from typing import TYPE_CHECKING

from tests.support.network import inside
from tests.support.waiting import TIMEOUT_S

if TYPE_CHECKING:
    from typing_extensions import Self

    from tests.support.network import NetNs

ETH_P_IP = 0x0800
IP_BYTES = 20  # none of our packets has IP options
SYN, RST, ACK = 0x02, 0x04, 0x10
DEST_UNREACH = 3


class Peer:
    """Sees the TCP packets that arrive at the router, and answers as requested.

    What goes to HOLE is answered by nobody else.
    """

    def __init__(self, far: NetNs) -> None:
        with inside(far):
            self._eye = socket.socket(
                socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP)
            )
            self._mouth = socket.socket(
                socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._eye.close()
        self._mouth.close()

    def packet(self, flags: int) -> bytes:
        """Wait for the next TCP packet with these flags, and return it."""
        while select.select((self._eye,), (), (), TIMEOUT_S)[0]:
            packet = self._eye.recv(65536)
            if packet[9] == socket.IPPROTO_TCP and packet[IP_BYTES + 13] == flags:
                return packet
        raise AssertionError(f"waited in vain for a packet with flags {flags:#x}")

    def mirror(self, packet: bytes) -> None:
        """Send a TCP packet back as if from its destination, ports unchanged."""
        self._send(packet, socket.IPPROTO_TCP, packet[IP_BYTES:])

    def answer(self, packet: bytes, flags: int, seq: int) -> None:
        """Answer a TCP packet with one that has no data and acknowledges nothing."""
        sport, dport = unpack_from("!HH", packet, IP_BYTES)
        answer = pack("!HHIIBBHHH", dport, sport, seq, 0, 5 << 4, flags, 4096, 0, 0)
        self._send(packet, socket.IPPROTO_TCP, answer)

    def unreachable(self, packet: bytes, code: int) -> None:
        """Answer a packet with ICMP's "destination unreachable"."""
        icmp = pack("!BBHI", DEST_UNREACH, code, 0, 0) + packet[: IP_BYTES + 8]
        icmp = icmp[:2] + checksum(icmp) + icmp[4:]
        self._send(packet, socket.IPPROTO_ICMP, icmp)

    def _send(self, received: bytes, protocol: int, payload: bytes) -> None:
        """Send a payload to where a packet came from, from where it was to go."""
        source, target = received[16:20], received[12:16]
        if protocol == socket.IPPROTO_TCP:
            pseudo = source + target + pack("!HH", protocol, len(payload))
            payload = payload[:16] + bytes(2) + payload[18:]
            payload = payload[:16] + checksum(pseudo + payload) + payload[18:]
        # The kernel fills in the length, the ID and the checksum.
        head = pack("!BBHHHBBH", 0x45, 0, 0, 0, 0, 64, protocol, 0)
        self._mouth.sendto(
            head + source + target + payload, (socket.inet_ntoa(target), 0)
        )


def checksum(data: bytes) -> bytes:
    """Return the checksum of IP, ICMP and TCP over an even number of bytes."""
    total = sum(unpack_from(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return pack("!H", ~total & 0xFFFF)
