"""A TCP server whose every segment is chosen: order, overlap and all."""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from typing_extensions import Self

    from tests.support.network import NetNs

# An address of the network that `far` drops: its kernel answers nothing.
ADDRESS = "10.2.0.53"
ETH_P_IP = 0x0800
IP, TCP, PSEUDO = ">BBHHHBBH4s4s", ">HHIIBBHHH", ">4s4sBBH"
FIN, SYN, RST, ACK = 1, 2, 4, 16
FIRST = 0xFFFFFF00  # sequence number of the SYN: those of the data wrap around

# Bytes of the stream, counted from its start, and what they are.
Segment = tuple[int, bytes]


class Packet(NamedTuple):
    """What the client sent."""

    source: bytes
    port: int
    seq: int
    flags: int
    data: bytes

    @property
    def next_seq(self) -> int:
        """What acknowledges it."""
        return self.seq + len(self.data) + bool(self.flags & (SYN | FIN))


def checksum(data: bytes) -> int:
    """Return the checksum of RFC 1071."""
    words = struct.unpack(f">{(len(data) + 1) // 2}H", data + bytes(len(data) % 2))
    total: int = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def parse(packet: bytes) -> Packet | None:
    """Return a packet when it is TCP to our address and port 53."""
    _, _, size, _, _, _, protocol, _, source, target = struct.unpack_from(IP, packet)
    if protocol != socket.IPPROTO_TCP or target != socket.inet_aton(ADDRESS):
        return None
    port, to, seq, _, offset, flags, *_ = struct.unpack_from(TCP, packet, 20)
    data = packet[20 + (offset >> 4) * 4 : size]
    return Packet(source, port, seq, flags, data) if to == 53 else None


def build(to: Packet, seq: int, flags: int, data: bytes) -> bytes:
    """Return the packet that answers ``to`` with these bytes."""
    ours, size = socket.inet_aton(ADDRESS), 20 + len(data)
    ack = to.next_seq & 0xFFFFFFFF
    header = [53, to.port, seq & 0xFFFFFFFF, ack, 5 << 4, flags, 65535, 0, 0]
    pseudo = struct.pack(PSEUDO, ours, to.source, 0, socket.IPPROTO_TCP, size)
    header[7] = checksum(pseudo + struct.pack(TCP, *header) + data)
    protocol = socket.IPPROTO_TCP
    outer = [0x45, 0, 20 + size, 1, 0, 64, protocol, 0, ours, to.source]
    outer[7] = checksum(struct.pack(IP, *outer))
    return struct.pack(IP, *outer) + struct.pack(TCP, *header) + data


class SegmentServer:
    """Accepts connections to ADDRESS; ``answer`` turns a query into segments."""

    def __init__(
        self, netns: NetNs, far: NetNs, answer: Callable[[bytes], Iterable[Segment]]
    ) -> None:
        self._answer = answer
        far.enter()
        try:
            self._socket = socket.socket(
                socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP)
            )
            self._socket.bind(("far", ETH_P_IP))
        finally:
            netns.enter()
        self._over, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        sources = (self._socket.fileno(), self._over)
        while self._over not in select.select(sources, (), ())[0]:
            packet, (*_, hardware) = self._socket.recvfrom(65535)
            if (got := parse(packet)) and not got.flags & RST:
                for answer in self._answers(got):
                    to = ("far", ETH_P_IP, 0, 0, hardware)
                    self._socket.sendto(answer, to)

    def _answers(self, got: Packet) -> Iterable[bytes]:
        if got.flags & SYN:
            yield build(got, FIRST, SYN | ACK, b"")
        elif got.data:
            for at, data in self._answer(got.data[2:]):
                yield build(got, FIRST + 1 + at, ACK, data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._stop)
        self._thread.join()
        self._socket.close()
        os.close(self._over)
