"""Attempts: the programs that see them; set, attached, their losses counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcpconnect import messages
from tcpconnect.batch import NO_LOSSES, Losses, Part, lost
from tcpconnect.bpf import libbpf
from tcpconnect.bpf.btf import programs_are_preemptible
from tcpconnect.bpf.ring import Ring
from tcpconnect.errors import KernelError
from tcpconnect.kernel import capacities, pending
from tcpconnect.kernel.config import IMAGE, Config, detail_bits
from tcpconnect.kernel.depth import Depth
from tcpconnect.kernel.drops import DROPPED, drop_reasons
from tcpconnect.kernel.filters import MAPS, Filters
from tcpconnect.kernel.records import FLOW, FLOW_COUNTS, Progress

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable, Iterator

    from tcpconnect.bpf.kernel_types import KernelTypes
    from tcpconnect.bpf.object import BpfObject
    from tcpconnect.kernel.follow import Follow
    from tcpconnect.kernel.refusals import Calls, Way
    from tcpconnect.places import Targets
    from tcpconnect.settings import Settings

# The programs: one for each Depth, and a second look at ends. Where programs are
# preemptible, also one for each on perf's tracepoint, and a last one.
CHANGES = tuple(f"attempt_changes_{depth.name.lower()}" for depth in Depth)
ENDS = "attempt_ends"
CHANGES_PERF = tuple(f"attempt_changes_perf_{depth.name.lower()}" for depth in Depth)
MISSED = "attempt_missed"
SLOTS = 64  # of the histogram


class Attempts(Part):
    """The program on the tracepoint, attached from the constructor until ``detach``.

    ``ring`` has its records, and those of all other parts; ``types`` are the kernel's,
    until ``attached``, where other objects are to be opened. Everything that is made in
    the kernel hangs on this process's file descriptors, so that nothing is left behind
    however the process ends.

    Raises KernelError with the step that failed, UsageError for maps of a wrong shape.
    """

    def __init__(
        self,
        library: ctypes.CDLL,
        settings: Settings,
        targets: Targets,
        open_object: Callable[[ctypes.CDLL, str], BpfObject],
    ) -> None:
        super().__init__()
        self._counted, self._losses = b"", NO_LOSSES
        libbpf.set_log(library, echo=settings.verbose)
        self.library, self._settings, self._open_object = library, settings, open_object
        self._details = detail_bits(settings.process_details)
        self._slower_ns = round(settings.slower_ms * 1e6)
        self._preemptible = programs_are_preemptible()
        wants_drops = settings.with_why and not settings.count
        self.drop_reasons = drop_reasons(self.warnings) if wants_drops else {}
        self._filters = Filters(settings, targets)
        self._depth = Depth.of(self._details, self._filters.of_task)
        self._calls: Calls | None = None
        if not (settings.with_calls and self._open_with_calls()):
            self._open()

    def _open_with_calls(self) -> bool:
        """Open the object that looks at calls of connect(); return whether to do so."""
        from tcpconnect.kernel import refusals

        def attach_by(way: Way) -> None:
            self._calls = refusals.Calls(way)
            self._open()

        if wanted := refusals.are_wanted(self.library, self._settings):
            refusals.try_ways(self.library, self._settings, self.warnings, attach_by)
        return wanted

    def _open(self) -> None:
        echo = self._settings.verbose
        libbpf.without_log(self.library, self._open_once, echo=echo)

    def _open_once(self) -> None:
        name = "attempts_calls" if self._calls else "attempts"
        self._bpf = self._open_object(self.library, name)
        with self._bpf.closed_on_failure():
            self._filters.size(self._bpf)
            capacities.set_all(
                self._bpf,
                self._settings,
                self._details,
                calls=bool(self._calls and self._calls.looks),
                drops=bool(self.drop_reasons),
                preemptible=self._preemptible,
            )
            self._take_maps()
            self._configure()
            self._leave_out()
            self.types = self._shared_types()
            self._bpf.load(*(self._calls.needed if self._calls else ()))
            self._filters.fill(self._bpf)
            self._progress = Progress.from_buffer(self._bpf.variables())
            self._bpf.keep_map("ring")  # with the descriptor that is waited for
            self.ring = Ring(self._bpf.map_fd("ring"), self._settings.ring_bytes)
            self._attach()

    def _shared_types(self) -> KernelTypes | None:
        return self._bpf.types if self._settings.named else None

    def _leave_out(self) -> None:
        """Load the programs of one depth, and those of ends only to track them."""
        for depth in Depth:
            if depth != self._depth:
                self._bpf.leave_out(CHANGES[depth], CHANGES_PERF[depth])
        if not self._preemptible:
            self._bpf.leave_out(CHANGES_PERF[self._depth], MISSED)
        if not self._settings.track:
            self._bpf.leave_out(ENDS, pending.SWEEP)
        if self._calls:
            unseen = () if self.drop_reasons else (DROPPED,)
            self._bpf.leave_out(*self._calls.unused(), *unseen)
        self._bpf.leave_out(*self._filters.unused(preemptible=self._preemptible))

    def _attach(self) -> None:
        """Attach the programs in the order in which the kernel then runs them.

        Perf's comes first. What else sees ends is there before what sees beginnings.
        """
        if self._preemptible:
            self._attach_perf(CHANGES_PERF[self._depth])
        if self._settings.track:
            self._bpf.attach(ENDS)
            pending.attach(self._bpf)
        if self.drop_reasons:
            self._bpf.attach(DROPPED)
        self._bpf.attach(CHANGES[self._depth])
        if self._preemptible:
            self._bpf.attach(MISSED)
        if self._calls:
            self._calls.attach(self._bpf)

    def attached(self) -> None:
        """Give back the copy of the object; keep what is read at the end."""
        self.types = None
        self._bpf.forget("flows", "histogram", pending.SLOTS, pending.OVERFLOW)

    def _attach_perf(self, name: str) -> None:
        """Attach what has the CPU to itself; the others see most without it."""
        try:
            self._bpf.attach_perf(name)
        except KernelError as error:
            message, reason = messages.ATTEMPTS_MISSED, error.reason
            self.warnings.add(message, reason=reason, remedy=error.remedy)

    def _take_maps(self) -> None:
        """Use the maps that others pinned in the place of our own."""
        for name, option, path in (
            ("cgroupmap", "--cgroupmap", self._settings.cgroupmap),
            ("mntnsmap", "--mntnsmap", self._settings.mntnsmap),
        ):
            if path is not None:
                from tcpconnect.bpf import pinned

                pinned.use(self._bpf, name, option, path)

    def _configure(self) -> None:
        settings = self._settings
        config = Config.from_address(self._bpf.constants())
        config.slower_ns = self._slower_ns
        config.track = settings.track
        config.wait_end = settings.wait_end
        config.count = settings.count
        config.failed = settings.only_failed
        config.details = self._details
        config.slot_shift = 64 - pending.SLOT_BITS
        config.explain = settings.with_why
        config.drops = bool(self.drop_reasons)
        config.preemptible = self._preemptible
        if self._bpf.types and self._preemptible:
            config.set_types(self._bpf.types)
        config.connecting = bool(self._calls and self._calls.looks)
        config.refusals = settings.refusals
        self._filters.configure(config)

    def follow(self) -> Follow:
        """Trace the processes of the settings, and none before. Raises TcpconnectError.

        (Their descendants, too, where the settings say so.)
        """
        from tcpconnect.kernel.follow import Follow

        pids, children = self._settings.pids, self._settings.follow
        return Follow(self._bpf, pids, children=children, preemptible=self._preemptible)

    @property
    def images_fd(self) -> int | None:
        """The map of the images that were sent, if they are wanted of lookups."""
        wanted = self._settings.lookups and self._details & IMAGE
        return self._bpf.map_fd("images") if wanted else None

    def share(self, bpf: BpfObject) -> None:
        """Have another object use the ring, before its load.

        Where failed lookups are wanted, the filters, too, and what is known of images.
        """
        bpf.replace("ring", self.ring.fd)
        if not self._settings.lookups:
            return
        for name in MAPS:
            if self._bpf.has_map(name):
                bpf.replace(name, self._bpf.map_fd(name))
            else:
                bpf.leave_out_maps(name)
        config = Config.from_address(bpf.constants())
        config.details = self._details
        self._filters.configure(config)

    @property
    def first_ns(self) -> int:
        """CLOCK_MONOTONIC of the first attempt, 0 before."""
        return int(self._progress.first_ns)

    @property
    def losses(self) -> Losses:
        """What was not shown until now."""
        progress = self._progress
        if (now := bytes(progress)) != self._counted:
            self._counted = now
            self._losses = lost(
                ring=progress.lost_ring,
                flows=progress.lost_flows,
                untracked=progress.untracked,
                missed=progress.missed,
                processes=progress.lost_processes,
                ends_missed=progress.ends_missed,
            )
        return self._losses

    @property
    def needed_capabilities(self) -> frozenset[str]:
        """The capabilities that it needs to read its maps, if it does."""
        needed = self._settings.track and self._bpf.maps_are_guarded("ring")
        return frozenset({"CAP_BPF"} if needed else ())

    def pending(self) -> Iterator[bytes]:
        """Yield the records of attempts that have not ended, with their age.

        Call it after ``detach``, which finds those whose end was missed.
        """
        if self._settings.track:
            yield from pending.records(self._bpf, self._settings)

    def flows(self) -> Iterator[tuple[Any, ...]]:
        """Yield the members of struct flow, then those of struct flow_counts."""
        if not self._settings.count:
            return
        for key, value in self._bpf.entries("flows", FLOW.size, FLOW_COUNTS.size):
            yield FLOW.unpack(key) + FLOW_COUNTS.unpack(value)

    def histogram(self) -> list[int]:
        """Return how many latencies lay in 2^n to 2^(n+1)-1 us, for each n."""
        if not self._settings.count:
            return [0] * SLOTS
        entries = self._bpf.entries("histogram", 4, 8)
        return [int.from_bytes(value, "little") for _, value in entries]

    def detach(self) -> None:
        """Stop the program; what it has written can still be read.

        Before that, it sees every end: a socket that has left SYN_SENT, and whose
        attempt is still pending, has ended unseen.
        """
        self._bpf.run_attached()
        self._bpf.detach_all()

    def close(self) -> None:
        """Give everything back to the kernel."""
        self.ring.close()
        self._bpf.close()
