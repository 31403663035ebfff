"""Metering: the metrics that a remote place is sent, beside its windows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tcpconnect.image import Place
from tcpconnect.metrics.facts import Beside
from tcpconnect.metrics.labels import MAX_TEXT
from tcpconnect.metrics.ledger import MAX_SERIES, Ledger

if TYPE_CHECKING:
    from tcpconnect.batch import Batch
    from tcpconnect.remote.place import RemotePlace
    from tcpconnect.remote.spool import Packed

MAX_WHERES = 4_096


class Metering:
    """Counts attempts as Prometheus gets them: what was sent before is in it, too."""

    def __init__(self, max_series: int | None = None) -> None:
        self.beside = Beside()
        self._ledger = Ledger(max_series or MAX_SERIES)
        self._wheres: dict[str, Place] = {}  # by the names of programs
        self._known: dict[int, Place] = {}  # all that were seen, by their IDs

    def take(self, batch: Batch) -> None:
        """Count the events of a batch."""
        self.beside.take(batch)
        self._ledger.add(batch.events, time.monotonic())
        for event in batch.events:
            where = event.image.place
            if id(where) not in self._known and (where.pod or where.container):
                self._note(where)

    def _note(self, where: Place) -> None:
        """Remember what a program's name means."""
        if len(self._known) >= MAX_WHERES:
            self._known.clear()
            self._wheres.clear()
        self._known[id(where)] = where
        name, means = meaning(where)
        self._wheres[name[:MAX_TEXT]] = means

    def packed(self, place: RemotePlace) -> Packed | None:
        """Return all series as a block."""
        page, facts = self._ledger.page(begins_at_0=False), self.beside.facts()
        return place.metrics(page, facts, self._wheres, time.time_ns())


def meaning(where: Place) -> tuple[str, Place]:
    """Return what a program is called there, and what that means: a pod or a container.

    A pod may have several containers, of which the name says none.
    """
    if where.pod:
        return where.pod, Place(pod=where.pod, pod_uid=where.pod_uid)
    return where.container or "", replace(where, cgroup=None, unit=None)
