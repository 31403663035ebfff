"""Records of attempts, and what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.bpf.ring import HEADER_BYTES, Run
from tcpconnect.decode import Decoder
from tcpconnect.kernel.records import CONNECTION, EVIDENCE, EXPLAINED, MEMBERS, UNKNOWN

if TYPE_CHECKING:
    from tcpconnect.connection import Connection
    from tcpconnect.enrich import Enricher

MAPPED = bytes(10) + b"\xff\xff"
NO_ADDRESS = MAPPED + bytes(4)


def attempt(**members: int | bytes) -> bytes:
    """Return a record of an attempt of which only these members are known."""
    empty = {n: b"" if size.endswith("s") else 0 for n, size in MEMBERS.items()}
    known = {"ip": 4, "saddr": NO_ADDRESS, "daddr": NO_ADDRESS, "result": UNKNOWN}
    values = [*{**empty, **known, **members}.values()]
    return CONNECTION.layout.pack(
        *values[: -len(EVIDENCE.unpack(bytes(EVIDENCE.size)))]
    )


def run_of(*records: bytes) -> Run:
    """Return attempts, of one kind, as a run of the ring."""
    framed = b"".join(bytes(HEADER_BYTES) + record for record in records)
    return Run(len(records[0]) if records else CONNECTION.length, framed)


def explained(
    record: bytes, icmp_from: bytes, drop: int, syns: int, seen: int
) -> bytes:
    """Return the record of an attempt that has ended, with evidence."""
    whole = record + EVIDENCE.pack(icmp_from, drop, syns, seen)
    assert len(whole) == EXPLAINED.length
    return whole


def decoded(run: Run, *enrichers: Enricher, first_ns: int = 0) -> list[Connection]:
    """Return the connections of a run, with what enrichers add."""
    return Decoder(each.added for each in enrichers).connections()(run, first_ns)
