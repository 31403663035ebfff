"""Window: folds attempts into rows, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.history.packed import LAST
from tcpconnect.history.rows import Key, Program, Row, Rows
from tcpconnect.program import name_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tcpconnect.connection import Connection
    from tcpconnect.history.spread import Spread
    from tcpconnect.image import Image

    # The process's image, by its ID; comm, uid; query, daddr, dport; result, why.
    Seen = tuple[
        int,
        str | None,
        int,
        str | None,
        str | None,
        int | None,
        str | None,
        str | None,
    ]

MAX_TEXT = 255  # characters of a name
MAX_SEEN = 8192  # different attempts, until they are folded


class Window:
    """Attempts since the last ``take``, by who connects where, and how it ends."""

    def __init__(self, spread: Spread) -> None:
        self._spread = spread
        self._seen: dict[Seen, Row] = {}
        self._images: dict[int, Image] = {}  # kept, so that their IDs are, too
        self._rows: Rows = {}
        self._programs: dict[tuple[int, str | None, int], Program] = {}

    def add(self, events: Iterable[Connection], now: int) -> None:
        """Add events, which ended now, in seconds since the epoch."""
        seen = self._seen
        for event in events:
            image = event.image
            key = (
                id(image),
                event.comm,
                event.uid,
                event.query,
                event.daddr,
                event.dport,
                event.result,
                event.why,
            )
            row = seen.get(key)
            if row is None:
                if len(seen) >= MAX_SEEN:
                    self._fold()
                self._images[key[0]] = image
                row = seen[key] = Row(first=now)
            row.attempts += 1
            row.last = now
            if event.latency_ms is not None:
                latency = int(event.latency_ms * 1000)
                row.latency_us += latency
                row.latency_max_us = max(row.latency_max_us, latency)
                bucket = min(latency.bit_length() - 1, LAST) if latency > 0 else 0
                latencies = row.latencies
                latencies[bucket] = latencies.get(bucket, 0) + 1
            if event.syns is not None:
                row.syns += event.syns
            if event.dns_ms is not None:
                row.dns_us += int(event.dns_ms * 1000)

    def take(self) -> Rows:
        """Return the rows of what was added, and forget it."""
        self._fold()
        rows, self._rows = self._rows, {}
        return rows

    def _fold(self) -> None:
        for seen, row in self._seen.items():
            number, comm, uid, query, daddr, dport, result, why = seen
            program = self._program(number, comm, uid)
            name, row.address = (query or "")[:MAX_TEXT], daddr or ""
            place = name or row.address, dport or 0
            destination = self._spread.of(program, *place, row.address)
            row.query = name if destination == place else ""
            key = Key(program, *destination, result or "", why or "")
            known = self._rows.get(key)
            if known is None:
                self._rows[key] = row
            else:
                known.add(row)
        self._seen.clear()
        self._images.clear()
        self._programs.clear()

    def _program(self, number: int, comm: str | None, uid: int) -> Program:
        who = number, comm, uid
        program = self._programs.get(who)
        if program is None:
            program = program_of(comm, uid, self._images[number])
            program = self._programs[who] = self._spread.program(program)
        return program


def program_of(comm: str | None, uid: int, image: Image) -> Program:
    """Return who connects, by a thread's name and its process's image.

    A pod is named after what made it: each rollout has pods with other names.
    """
    place = image.place
    name = place.workload or name_of(comm, image)[0]
    container, unit, pod = (
        (text or "")[:MAX_TEXT] for text in (place.container, place.unit, place.pod)
    )
    return Program(name[:MAX_TEXT], container, unit, pod, uid)
