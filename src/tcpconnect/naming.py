"""Naming: the sources of names in the kernel, joined with the store of names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect import messages
from tcpconnect.batch import Losses, Part, lost
from tcpconnect.enrich.names import Names
from tcpconnect.errors import KernelError
from tcpconnect.kernel.answers import Answers
from tcpconnect.kernel.lookups import Lookups
from tcpconnect.kernel.records import KINDS
from tcpconnect.machine.clock import kernel_ns

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Collection, Iterable

    from tcpconnect.bpf.ring import Run
    from tcpconnect.decode import Added
    from tcpconnect.enrich.failures import Failures
    from tcpconnect.flow import Flow
    from tcpconnect.kernel.attempts import Attempts
    from tcpconnect.kernel.records import Kind
    from tcpconnect.settings import Settings


class Naming(Part):
    """Learns names, and adds them to connections.

    ``sources`` are the parts in the kernel that it learns from. A warning names each
    that can't be attached; raises KernelError if none can.
    """

    def __init__(
        self, library: ctypes.CDLL, attempts: Attempts, settings: Settings
    ) -> None:
        super().__init__()
        self.kinds: Collection[Kind] = Names.kinds
        self.failures = _failures(settings) if settings.lookups else None
        if self.failures:
            self.kinds = (*Names.kinds, *self.failures.kinds)
        self._names = Names(
            settings.max_names, settings.names_ttl_s, kernel_ns, self.failures
        )
        self.sources: list[Part] = []
        self._lookups: Lookups | None = None
        failures = []
        calls_fd: int | None = None
        for source in sorted(settings.name_sources):
            try:
                if source == "dns":
                    answers = Answers(
                        library,
                        attempts.share,
                        lookups=settings.lookups,
                        images_fd=attempts.images_fd,
                    )
                    self.sources.append(answers)
                    calls_fd = answers.calls_fd if settings.lookups else None
                else:
                    self._lookups = Lookups(
                        library, attempts.share, calls_fd, failed=settings.lookups
                    )
                    self.sources.append(self._lookups)
            except KernelError as error:
                failures.append(error)
                self.warnings.add(messages.NO_NAMES, source=source, problem=error)
        if not self.sources:
            raise failures[0]

    def learn(self, run: Run) -> None:
        """Learn from a run of records that are not connections."""
        if self.failures and KINDS[run.length] in self.failures.kinds:
            self.failures.learn(run)
            return
        self._names.learn(run)
        while self._lookups and self._names.started:
            self._lookups.look_at(self._names.started.pop())

    def settle(self) -> None:
        """Have all C libraries examined; wait five seconds at most."""
        if self._lookups:
            self._lookups.settle()

    def look(self) -> None:
        """Have new C libraries examined, in a thread of their own."""
        if self._lookups:
            self._lookups.look()

    @property
    def added(self) -> Added:
        """The names of destinations."""
        return self._names.added

    def add_to_flows(self, flows: Iterable[Flow]) -> None:
        """Set the newest names of flows' destinations."""
        self._names.add_to_flows(flows, kernel_ns())

    def process_ends(self) -> None:
        """Have ``close`` leave what takes long to another process: ours is to end."""
        if self._lookups:
            self._lookups.process_ends()

    @property
    def losses(self) -> Losses:
        """Names that came late, and answers that were malformed or truncated."""
        names, unread, failures = self._names.skipped, self._names.unread, self.failures
        if not failures:
            return lost(names=names, unread=unread)
        names += failures.late
        return lost(names=names, unread=unread, lookups=failures.ignored)


def _failures(settings: Settings) -> Failures:
    from tcpconnect.enrich.failures import Failures

    return Failures(kernel_ns, round(settings.slower_ms * 1e6))
