"""Parts: what a trace is made of, by its settings, attached in their order."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from tcpconnect import messages
from tcpconnect.batch import NO_LOSSES
from tcpconnect.kernel.ahead import attached
from tcpconnect.machine.capabilities import missing
from tcpconnect.machine.clock import kernel_ns, offset_ns

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Iterator

    from tcpconnect.batch import Losses, Part
    from tcpconnect.bpf.runtime import RunTime
    from tcpconnect.enrich import Enricher
    from tcpconnect.enrich.process import Processes
    from tcpconnect.errors import Line
    from tcpconnect.kernel.ahead import Attach
    from tcpconnect.kernel.follow import Follow
    from tcpconnect.naming import Naming
    from tcpconnect.settings import Settings


class Parts:
    """Attached from the constructor until ``close``; iterate over it for all.

    ``attach`` makes attempts of the settings. ``enrichers`` are those that add to
    connections, in their order.
    """

    def __init__(self, settings: Settings, attach: Attach | None) -> None:
        self._settings = settings
        self.every: list[Part] = []
        self.enrichers: list[Enricher] = []
        self.follow: Follow | None = None
        self.naming: Naming | None = None
        self.with_why = settings.with_why
        self.run_time: RunTime | None = None
        offset_ns()
        _import_parts(settings)
        with ExitStack() as stack:
            self.attempts = attach() if attach else attached(settings)
            library = self.attempts.library
            for part in self._all(library):
                self.every.append(part)
                stack.callback(part.close)
            if settings.gauges_s:
                from tcpconnect.bpf.runtime import RunTime

                self.run_time = RunTime(library)
                stack.callback(self.run_time.close)
            for part in self.every:
                part.attached()
            self.close = stack.pop_all().close

    def __iter__(self) -> Iterator[Part]:
        return iter(self.every)

    @property
    def losses(self) -> Losses:
        """What all have lost so far."""
        losses = NO_LOSSES
        for part in self.every:
            losses += part.losses
        return losses

    def warnings(self) -> list[Line]:
        """Return new lines about what does not work."""
        lines: list[Line] = []
        for part in self.every:
            if part.warnings.waiting:
                lines += part.warnings.take()
        return lines

    def _all(self, library: ctypes.CDLL) -> Iterator[Part]:
        """Yield the parts, which are closed in reverse order."""
        settings = self._settings
        yield self.attempts
        if settings.pids:
            self.follow = self.attempts.follow()
            yield self.follow
        if settings.with_calls:
            from tcpconnect.enrich.calls import Calls

            self.enrichers.append(Calls())
        if settings.with_why and not settings.count:
            from tcpconnect.enrich.reasons import Reasons

            self.enrichers.append(Reasons(self.attempts.drop_reasons))
        if settings.with_process:
            processes = _processes(settings)
            self.enrichers.append(processes)
            yield processes
        if settings.named:
            from tcpconnect.naming import Naming

            self.naming = Naming(library, self.attempts, settings)
            self.enrichers.append(self.naming)
            yield self.naming
            yield from self.naming.sources


def _import_parts(settings: Settings) -> None:
    """Import what takes long, while attempts may be attached by a thread."""
    if settings.named:
        from tcpconnect import naming  # noqa: F401
    if settings.with_process:
        from tcpconnect.enrich import place, process  # noqa: F401


def _processes(settings: Settings) -> Processes:
    from tcpconnect.enrich import place
    from tcpconnect.enrich.process import Processes
    from tcpconnect.machine.cgroup import hierarchies

    places = place.Places("/", *hierarchies())
    details, named = settings.process_details, settings.with_containers
    processes = Processes(details, places, now_ns=kernel_ns, names_containers=named)
    if processes.needed_capabilities:
        from tcpconnect.enrich.container_names import unreadable

        reason, remedy = missing(processes.needed_capabilities)
        for folder in unreadable():
            processes.warnings.add(
                messages.NO_CONTAINER_NAMES,
                folder=folder,
                reason=reason,
                remedy=remedy,
            )
    return processes
