"""Naming: the sources of names in the kernel, joined with what has been seen there."""

from __future__ import annotations

import os
import time
from struct import iter_unpack
from typing import TYPE_CHECKING

from tcpconnect.bpf.names import Answers, Lookups
from tcpconnect.connection import FRAMED_ORIGIN
from tcpconnect.enrich.names import LENGTHS, Names
from tcpconnect.errors import KernelError

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Iterable

    from tcpconnect.bpf.ring import Run
    from tcpconnect.connection import Connection
    from tcpconnect.flow import Flow
    from tcpconnect.settings import Settings


MAX_NOTICES = 100


class Naming:
    """Attached from the constructor until ``close``.

    ``notices`` has a line for each source that can't be attached; KernelError is raised
    when that is all of them. Lines come to it later, too: who tells them takes them.
    """

    lengths = LENGTHS

    def __init__(self, library: ctypes.CDLL, ring_fd: int, settings: Settings) -> None:
        self.notices: list[str] = []
        self._noted = 0
        self._names = Names(settings.max_names, settings.names_ttl_s)
        self._sources: list[Answers | Lookups] = []
        self._lookups: Lookups | None = None
        failures = []
        for source in sorted(settings.name_sources):
            try:
                if source == "dns":
                    self._sources.append(Answers(library, ring_fd))
                else:
                    self._lookups = Lookups(library, ring_fd)
                    self._sources.append(self._lookups)
            except KernelError as error:
                failures.append(error)
                self.notices.append(f"no names from {source}: {error}")
        if not self._sources:
            raise failures[0]
        self.notices += [limit for source in self._sources for limit in source.limits]

    def learn(self, run: Run) -> None:
        """Take in a run of records that are not connections."""
        self._names.learn(run)
        while self._lookups and self._names.started:
            pid = self._names.started.pop()
            try:
                self._lookups.look_at(pid)
            except KernelError as error:
                self._note(pid, str(error))
            except OSError as error:  # no descriptors, most likely
                self._note(pid, os.strerror(error.errno or 0))

    def _note(self, pid: int, reason: str) -> None:
        """Keep a notice: of the first so many, since anyone may start containers."""
        self._noted += 1
        if self._noted <= MAX_NOTICES:
            self.notices.append(f"no names from the libc of process {pid}: {reason}")

    def add_to(self, connections: Iterable[Connection], framed: bytes) -> None:
        """Set the names of connections' destinations."""
        origins = iter_unpack(FRAMED_ORIGIN, framed)
        for connection, (_, start_ns, *_) in zip(connections, origins, strict=True):
            self._names.add_to(connection, start_ns)

    def add_to_flows(self, flows: Iterable[Flow]) -> None:
        """Set the newest names of flows' destinations."""
        self._names.add_to_flows(flows, time.monotonic_ns())

    @property
    def later(self) -> frozenset[str]:
        """The capabilities that it needs as long as it runs."""
        return frozenset().union(*(source.later for source in self._sources))

    @property
    def lost(self) -> int:
        """How many answers and lookups did not fit the ring buffer."""
        return sum(source.lost for source in self._sources)

    @property
    def unread(self) -> int:
        """How many answers were malformed or cut."""
        return self._names.unread

    def close(self) -> None:
        """Detach."""
        for source in self._sources:
            source.close()
