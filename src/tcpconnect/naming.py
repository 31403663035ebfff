"""Naming: the sources of names in the kernel, joined with what has been seen there."""

from __future__ import annotations

from struct import iter_unpack
from typing import TYPE_CHECKING

from tcpconnect.bpf.lookups import Lookups
from tcpconnect.bpf.names import Answers
from tcpconnect.clock import kernel_ns
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


class Naming:
    """Attached from the constructor until ``close``.

    ``notices`` has a line for each source that can't be attached; KernelError is raised
    when that is all of them. Lines come to it later, too: who tells them takes them.
    """

    lengths = LENGTHS

    def __init__(self, library: ctypes.CDLL, ring_fd: int, settings: Settings) -> None:
        self.notices: list[str] = []
        self._names = Names(settings.max_names, settings.names_ttl_s, kernel_ns)
        self._sources: list[Answers | Lookups] = []
        self._answers: Answers | None = None
        self._lookups: Lookups | None = None
        failures = []
        for source in sorted(settings.name_sources):
            try:
                if source == "dns":
                    self._answers = Answers(library, ring_fd)
                    self._sources.append(self._answers)
                else:
                    self._lookups = Lookups(library, ring_fd)
                    self._sources.append(self._lookups)
            except KernelError as error:
                failures.append(error)
                self.notices.append(f"no names from {source}: {error}")
        if not self._sources:
            raise failures[0]
        self.notices += [limit for source in self._sources for limit in source.limits]
        if self._lookups:
            self.notices += self._lookups.notices
            self._lookups.notices = self.notices

    def learn(self, run: Run) -> None:
        """Take in a run of records that are not connections."""
        self._names.learn(run)
        while self._lookups and self._names.started:
            self._lookups.look_at(self._names.started.pop())

    def settle(self) -> None:
        """Have all C libraries looked at; wait five seconds at most."""
        if self._lookups:
            self._lookups.settle()

    def look(self) -> None:
        """Have C libraries looked at that are new, in a thread of their own."""
        if self._lookups:
            self._lookups.look()

    def add_to(self, connections: Iterable[Connection], framed: bytes) -> None:
        """Set the names of connections' destinations."""
        origins = iter_unpack(FRAMED_ORIGIN, framed)
        for connection, origin in zip(connections, origins, strict=True):
            _, start_ns, _, _, netns, visited_ns = origin
            self._names.add_to(connection, start_ns, netns, visited_ns)

    def add_to_flows(self, flows: Iterable[Flow]) -> None:
        """Set the newest names of flows' destinations."""
        self._names.add_to_flows(flows, kernel_ns())

    @property
    def later(self) -> frozenset[str]:
        """The capabilities that it needs as long as it runs."""
        return frozenset().union(*(source.later for source in self._sources))

    @property
    def lost(self) -> int:
        """How many answers and lookups did not fit the ring buffer, or came late."""
        return sum(source.lost for source in self._sources) + self._names.skipped

    @property
    def pushed_out(self) -> int:
        """How many open questions had to make room for others of their socket."""
        return self._answers.pushed_out if self._answers else 0

    @property
    def unprobed(self) -> int:
        """How many programs ended before their C library had probes."""
        return self._lookups.unprobed if self._lookups else 0

    @property
    def unread(self) -> int:
        """How many answers were malformed or cut."""
        return self._names.unread

    def close(self) -> None:
        """Detach."""
        for source in self._sources:
            source.close()
