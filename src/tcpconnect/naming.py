"""Naming: the sources of names in the kernel, joined with the store of names."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, TypeVar

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
    from collections.abc import Callable, Collection, Iterable

    from tcpconnect.bpf.kind import Kind
    from tcpconnect.bpf.ring import Run
    from tcpconnect.decode import Added
    from tcpconnect.enrich.failures import Failures
    from tcpconnect.flow import Flow
    from tcpconnect.kernel.attempts import Attempts
    from tcpconnect.settings import Settings

T = TypeVar("T")


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
        self._failed: dict[str, KernelError] = {}
        self._lookups: Lookups | None = None
        answers: Answers | None = None
        failed = settings.lookups
        # Probes in C libraries wait for the kernel, while DNS is attached.
        with ExitStack() as stack:
            if "libc" in settings.name_sources:
                shared = (attempts.share, attempts.types)
                make = partial(Lookups, library, *shared, failed=failed)
                self._lookups = self._tried("libc", make)
            if self._lookups:
                stack.callback(self._lookups.close)
            if "dns" in settings.name_sources:
                answers = self._tried("dns", partial(self._answers, library, attempts))
            stack.pop_all()
        if self._lookups:
            self._lookups = self._tried("libc", self._lookups.begun)
        self.sources: list[Part] = [p for p in (answers, self._lookups) if p]
        if not self.sources:
            raise self._failed[min(self._failed)]

    def _tried(self, source: str, make: Callable[[], T]) -> T | None:
        """Return what is made; None, after a warning, where that fails."""
        try:
            return make()
        except KernelError as error:
            self._failed[source] = error
            self.warnings.add(messages.NO_NAMES, source=source, problem=error)
            return None

    def _answers(self, library: ctypes.CDLL, attempts: Attempts) -> Answers:
        calls_fd = self._lookups.calls_fd if self._lookups and self.failures else None
        return Answers(
            library,
            attempts.share,
            attempts.types,
            lookups=self.failures is not None,
            images_fd=attempts.images_fd,
            calls_fd=calls_fd,
        )

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
