"""Rows of windows, as they are sent to databases."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tcpconnect.alerts.alert import Alert, Notice
from tcpconnect.history.rows import Key, Program, Row
from tcpconnect.remote.spool import Block

if TYPE_CHECKING:
    from tcpconnect.remote.place import Counted, RemotePlace
    from tcpconnect.remote.spool import Packed

HOSTILE = "a'\"\\\t\n;--\x00é"


def counted(
    minute: int, destination: str, attempts: int, result: str = "OK"
) -> Counted:
    """Return a row of a window of a minute."""
    program = Program("curl", "web", "u.service", "shop/web-1", 1000)
    key = Key(program, destination, 443, result, "" if result == "OK" else "RST")
    row = Row(
        attempts=attempts,
        latency_us=900,
        latency_max_us=600,
        latencies={9: 1, 3: 2},
        dns_us=7,
        syns=attempts,
        query=destination,
        address="192.0.2.1",
    )
    return (60, minute), key, row


def notice(time: int, kind: str = "failing") -> Notice:
    """Return an alert."""
    return Notice(
        "00000000000000a1",
        Alert(
            kind=kind,
            time=time,
            text="web to db fails",
            program="web",
            destination="db",
            dport=5432,
            attempts=20,
            failed=20,
            result="ECONNREFUSED RST",
        ),
    )


def insert(place: RemotePlace, packed: Packed, token: str) -> None:
    """Deliver a block."""
    kind, rows, attempts, body, _ = packed
    block = Block(0, token, kind, rows, attempts, int(time.time()))
    assert place.deliver(block, body) == 0


ALERTS = "SELECT time, kind, program, destination, dport, line FROM alerts"


def insert_alert(place: RemotePlace, time: int) -> None:
    """Have a place deliver an alert twice, as after an answer that was lost."""
    packed = place.alert(notice(time), None)
    insert(place, packed, packed.token)
    insert(place, packed, packed.token)


def alert_row(time: int) -> list[object]:
    """Return what ALERTS finds of it."""
    return [time, "failing", "web", "db", 5432, "web to db fails"]
