"""Events: from the records of the ring to connections, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.bpf.ring import HEADER_BYTES
from tcpconnect.decode import decode, decode_failed
from tcpconnect.kernel.records import (
    CONNECTION,
    EXPLAINED,
    FRAMED_ATTEMPT,
    KINDS,
    split,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tcpconnect.bpf.ring import Run
    from tcpconnect.connection import Connection
    from tcpconnect.counted import FailedLookups
    from tcpconnect.parts import Parts


class Events:
    """Gives attempts to who adds to them, and all other records to who learns of them.

    ``counts`` takes the lookups that have failed, with ``count``.
    """

    def __init__(self, parts: Parts, counts: FailedLookups | None) -> None:
        self._parts = parts
        self._counts = counts
        self._failures = parts.naming and parts.naming.failures
        self._learners = {kind: part.learn for part in parts for kind in part.kinds}
        self._first_ns = 0  # when the first event began

    def of(self, runs: Iterable[Run]) -> list[Connection]:
        """Return the events in runs of records, and the lookups that have failed."""
        connections: list[Connection] = []
        for run in runs:
            kind = KINDS[run.length]
            if kind is CONNECTION:
                connections += self.attempts(run)
            elif kind is EXPLAINED:
                connections += self._explained(run)
            else:
                self._learners[kind](run)
        if self._failures:
            connections += self.failed()
        return connections

    def failed(self, *, last: bool = False) -> list[Connection]:
        """Return the lookups that have failed; ``last``: all of them."""
        if not self._failures:
            return []
        behind = self._parts.attempts.ring.backlog and not last
        failed = self._failures.take(behind=behind, last=last)
        if self._counts:
            self._counts.add(failed)
            return []
        if not failed:
            return []
        if not self._first_ns:
            first = min(int.from_bytes(each.record[:8], "little") for each in failed)
            self._first_ns = self._parts.attempts.first_ns or first
        connections = decode_failed(failed, self._first_ns)
        framed = b"".join(bytes(HEADER_BYTES) + each.record for each in failed)
        for enricher in self._parts.enrichers:
            if enricher is not self._parts.naming:
                enricher.add_to(connections, framed)
        if self._parts.reasons:
            self._parts.reasons.add_to_others(connections)
        return connections

    def attempts(self, run: Run) -> list[Connection]:
        """Return the attempts of a run."""
        records = FRAMED_ATTEMPT.iter_unpack(run.framed)
        self._first_ns = self._first_ns or self._parts.attempts.first_ns
        decoded = decode(records, self._first_ns)
        for enricher in self._parts.enrichers:
            enricher.add_to(decoded, run.framed)
        if self._parts.reasons:
            self._parts.reasons.add_to_others(decoded)
        return decoded

    def _explained(self, run: Run) -> list[Connection]:
        """Decode attempts that have ended, with --why."""
        attempts, evidence = split(run)
        decoded = self.attempts(attempts)
        if self._parts.reasons:
            self._parts.reasons.add_to(decoded, evidence)
        return decoded
