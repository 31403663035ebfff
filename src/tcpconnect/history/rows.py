"""What a history counts: rows of attempts, by who connects where, and how it ends."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Program(NamedTuple):
    """Who connects; what there is none of is ''."""

    program: str
    container: str = ""
    unit: str = ""
    pod: str = ""
    uid: int = 0


class Key(NamedTuple):
    """Whose attempts a row counts: where they went, and how they ended."""

    program: Program
    destination: str
    dport: int
    result: str = ""
    why: str = ""


class Row(msgspec.Struct, gc=False):
    """Attempts of a key.

    ``latencies`` are counts by bucket (``packed.py``). Latency, DNS time and SYNs are
    sums over the attempts that have one. ``query`` and ``address`` are of the last one;
    ``first`` and ``last`` are seconds since the epoch.
    """

    attempts: int = 0
    latency_us: int = 0
    latency_max_us: int = 0
    latencies: dict[int, int] = {}
    dns_us: int = 0
    syns: int = 0
    query: str = ""
    address: str = ""
    first: int = 0
    last: int = 0

    def add(self, other: Row) -> None:
        """Add the attempts of another row, which were later."""
        self.attempts += other.attempts
        self.latency_us += other.latency_us
        self.latency_max_us = max(self.latency_max_us, other.latency_max_us)
        for bucket, count in other.latencies.items():
            self.latencies[bucket] = self.latencies.get(bucket, 0) + count
        self.dns_us += other.dns_us
        self.syns += other.syns
        self.query, self.address = other.query, other.address
        self.first = min(self.first, other.first)
        self.last = max(self.last, other.last)


# The row's span, and when it begins: its rows.
Moment = tuple[int, int]
Rows = dict[Key, Row]
Windows = dict[Moment, Rows]


def merge(into: Rows, rows: Rows) -> None:
    """Add rows to those of the same keys; they are no longer the caller's."""
    for key, row in rows.items():
        known = into.get(key)
        if known is None:
            into[key] = row
        else:
            known.add(row)
