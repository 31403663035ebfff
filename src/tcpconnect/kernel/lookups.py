"""Lookups by C libraries: probes in all that processes of this machine may use."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from tcpconnect import messages
from tcpconnect.batch import Losses, Part, lost
from tcpconnect.bpf.btf import programs_are_preemptible
from tcpconnect.bpf.object import BpfObject
from tcpconnect.bpf.step import step
from tcpconnect.errors import KernelError
from tcpconnect.kernel.elf import MACHINE, MACHINES, ElfError, function_offsets
from tcpconnect.kernel.libraries import Libraries
from tcpconnect.kernel.mappings import Mappings
from tcpconnect.kernel.meanwhile import Meanwhile
from tcpconnect.kernel.records import Progress
from tcpconnect.kernel.uprobes import Probe, Uprobes
from tcpconnect.kernel.worker import Worker
from tcpconnect.machine.capabilities import ALMIGHTY, READ_FILES, lacking, missing

if TYPE_CHECKING:
    import ctypes

    from typing_extensions import Self

    from tcpconnect.bpf.kernel_types import KernelTypes
    from tcpconnect.kernel.answers import Share
    from tcpconnect.kernel.libc import Library

EXEC_PERF = "exec_perf"

# Functions of C libraries, and the programs at their entry and return. All relatives of
# gethostbyname() call one of these two.
FUNCTIONS = {
    "getaddrinfo": ("getaddrinfo_entry", "getaddrinfo_return"),
    "gethostbyname_r": ("gethostbyname_r_entry", "gethostbyname_return"),
    "gethostbyname2_r": ("gethostbyname2_r_entry", "gethostbyname_return"),
}
PROGRAMS = sorted({name for pair in FUNCTIONS.values() for name in pair})

# Capabilities to open a file in any process's root, and one that a process has mapped,
# even if deleted; and to use perf: the first of these, or before Linux 6.16 the two
# others.
OTHERS_FILES = frozenset({"CAP_SYS_PTRACE", "CAP_CHECKPOINT_RESTORE", READ_FILES})
PERF = {ALMIGHTY, "CAP_BPF", "CAP_PERFMON"}


class Lookups(Part):
    """The results of lookups, in all C libraries that processes may use.

    ``share`` gives the ring, and the filters, to the programs; ``failed``: calls that
    return an error are reported, too. After the constructor, others may be attached
    until ``begun`` is called, which must be.
    """

    def __init__(
        self,
        library: ctypes.CDLL,
        share: Share,
        types: KernelTypes | None = None,
        *,
        failed: bool = False,
    ) -> None:
        super().__init__()
        if MACHINE not in MACHINES:
            raise KernelError(messages.NO_PROBES, machine=MACHINE)
        name = f"lookups{'_failed' if failed else ''}.{MACHINE}"
        self._bpf = BpfObject(library, name, types)
        with self._bpf.closed_on_failure():
            share(self._bpf)
            self._load()
            self._programs = {name: self._bpf.keep_program(name) for name in PROGRAMS}
            with step(messages.CANT_ATTACH_TO_FUNCTIONS):
                self._uprobes = Uprobes(self._programs[PROGRAMS[0]])
            self._unwatched: KernelError | None = None
            watch = self._watch()
            multi = self._uprobes.multi
            self._libraries = Libraries(
                self._attach, watch, self.warnings, at_once=multi
            )
            with step(messages.CANT_LOOK_AT_LIBRARIES):
                self._worker = Worker(
                    self._libraries, watch.fileno() if watch else None
                )
        self._warn_of_limits()
        # The first probe waits 15 ms until all CPUs have passed a certain point.
        self._beginning = Meanwhile(self._libraries.begin)

    def _load(self) -> None:
        self._bpf.prefer_uprobe_multi(*PROGRAMS)
        preemptible = programs_are_preemptible()
        if not preemptible:
            self._bpf.leave_out(EXEC_PERF)
        self._bpf.load()
        self._progress = Progress.from_buffer(self._bpf.variables())
        self._bpf.attach("exec")
        if preemptible:
            with suppress(KernelError):  # already reported for attempts
                self._bpf.attach_perf(EXEC_PERF)

    def begun(self) -> Self:
        """Return it when the libraries of this process have probes; one must have some.

        Raises KernelError; then it is closed.
        """
        try:
            self._beginning.wait()
        except BaseException:
            self.close()
            raise
        if not self._libraries.probed:
            self.close()
            failure = KernelError(messages.NO_C_LIBRARY)
            raise self._libraries.failure or failure
        return self

    @property
    def calls_fd(self) -> int:
        """The map of getaddrinfo() calls, which tells whose questions are theirs."""
        return self._bpf.map_fd("calls")

    def _watch(self) -> Mappings | None:
        try:
            return Mappings()
        except KernelError as error:
            self._unwatched = error
            return None

    def _attach(self, library: Library) -> list[int]:
        """Attach to the functions of a library; return the descriptors of the links."""
        offsets = function_offsets(library.fd, FUNCTIONS)
        if "getaddrinfo" not in offsets:
            raise ElfError("it has no getaddrinfo")
        places: dict[tuple[str, bool], list[int]] = {}
        for name, offset in offsets.items():
            for at_return, program in enumerate(FUNCTIONS[name]):
                places.setdefault((program, bool(at_return)), []).append(offset)
        probes = [
            Probe(self._programs[program], at_return, found)
            for (program, at_return), found in places.items()
        ]
        with step(messages.CANT_ATTACH_TO_LIBRARY, ALMIGHTY, path=library.path):
            return self._uprobes.attach(library.fd, probes)

    def attached(self) -> None:
        """Give back the copy of the object; later libraries get the same programs."""
        self._bpf.forget()

    def look_at(self, pid: int) -> None:
        """Have the libraries that this process may use examined soon."""
        self._worker.look_at(pid)

    def settle(self) -> None:
        """Have all libraries examined; wait five seconds at most."""
        self._worker.settle()

    def look(self) -> None:
        """Have new libraries examined, in a thread of their own."""
        self._worker.run()

    def process_ends(self) -> None:
        """Have ``close`` leave what takes long to another process: ours is to end."""
        self._libraries.process_ends = True

    @property
    def losses(self) -> Losses:
        """Lookups that did not fit, and programs that ended before they had probes."""
        names = int(self._progress.lost_names)
        return lost(names=names, unprobed=self._libraries.unprobed)

    @property
    def needed_capabilities(self) -> frozenset[str]:
        """The capabilities that it needs to examine later containers."""
        return OTHERS_FILES if self._uprobes.multi else OTHERS_FILES | PERF

    def _warn_of_limits(self) -> None:
        """Add a warning for each limit."""
        if lack := lacking("CAP_SYS_PTRACE"):
            why, remedy = missing(lack)
            message = messages.NO_NAMES_IN_CONTAINERS
            self.warnings.add(message, reason=why, remedy=remedy)
        if error := self._unwatched:
            message = messages.LIBRARIES_AT_START
            self.warnings.add(message, reason=error.reason, remedy=error.remedy)

    def close(self) -> None:
        """Detach and unload."""
        self._beginning.end()
        self._worker.stop()
        self._libraries.close()
        self._bpf.close()
