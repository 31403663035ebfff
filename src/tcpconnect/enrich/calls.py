"""What a program asked for, and who refused it before it was SYN_SENT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.decode import ANY, addresses
from tcpconnect.kernel.records import FRAMED_CALL

if TYPE_CHECKING:
    from tcpconnect.bpf.ring import Run
    from tcpconnect.connection import Connection


class Calls:
    """Sets ``asked``, ``asked_port``, ``refused_by``; unsets a source that is none."""

    kinds = ()

    def learn(self, run: Run) -> None:
        """Learn nothing: attempts have all of it."""

    def add_to(self, connections: list[Connection], framed: bytes) -> None:
        """Set what is known of the call of each connection."""
        calls = FRAMED_CALL.iter_unpack(framed)
        for connection, call in zip(connections, calls, strict=True):
            asked, port, ip, connection.refused_by = call
            if connection.refused_by and connection.saddr in ANY:
                connection.saddr = None
            if ip:
                connection.asked, connection.asked_port = addresses[asked], port
