"""Lookups by the C libraries: probes in every one that a process here may use."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from tcpconnect.bpf import libc, mappings
from tcpconnect.bpf.capabilities import ALMIGHTY, READ_FILES, lacking, missing
from tcpconnect.bpf.names import Progress
from tcpconnect.bpf.object import BpfObject, Function
from tcpconnect.bpf.release import programs_are_preemptible
from tcpconnect.errors import KernelError, TcpconnectError

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Iterator

    from tcpconnect.bpf.libc import Library
    from tcpconnect.bpf.mappings import Mapping

EXEC_PERF = "exec_perf"

# Functions of C libraries, and the programs at their entry and at their return. All of
# gethostbyname()'s kin call one of these two.
FUNCTIONS = {
    "getaddrinfo": ("getaddrinfo_entry", "getaddrinfo_return"),
    "gethostbyname_r": ("gethostbyname_r_entry", "gethostbyname_return"),
    "gethostbyname2_r": ("gethostbyname2_r_entry", "gethostbyname_return"),
}
PROGRAMS = {name for pair in FUNCTIONS.values() for name in pair}

# What it takes to open a file in any process's root; and to use perf: the first of
# these, or before Linux 6.16 the two others.
OTHERS_FILES = frozenset({"CAP_SYS_PTRACE", READ_FILES})
PERF = {ALMIGHTY, "CAP_BPF", "CAP_PERFMON"}

# What anyone may put where a C library is looked for is bounded.
MAX_LIBRARIES = 4096
MAX_BYTES = 64 << 20
MAX_NOTICES = 100
SWEEP_NS = 60 * 10**9  # how often libraries of containers that are gone are let go
SCAN_NS = 10 * 10**9  # how often all processes are looked at, where mappings were lost


class _Probe(NamedTuple):
    version: tuple[int, int]
    links: list[int]  # none when it could not be attached
    mntnses: set[int]  # mount namespaces whose processes may use it


class Lookups:
    """What lookups return, in every C library that a process here may use.

    ``notices`` has a line for each library that can't be probed, and each process that
    can't be looked at: the first so many. ``unprobed`` is how many programs ended
    before their library, which was new, had probes.
    """

    def __init__(self, library: ctypes.CDLL, ring_fd: int) -> None:
        self.notices: list[str] = []
        self.unprobed = 0
        self._noted = 0
        self._failure: KernelError | None = None
        self._probes: dict[tuple[int, int], _Probe] = {}
        self._mapped: dict[tuple[int, int], _Probe] = {}  # by Mapping.file
        self._swept_ns = self._scanned_ns = time.monotonic_ns()
        machine = os.uname().machine
        if machine not in libc.ELF_MACHINES:
            raise KernelError(
                "can't attach to getaddrinfo",
                f"there is no program for {machine}",
                "names from DNS answers are shown all the same",
            )
        self._bpf = BpfObject(library, f"lookups.{machine}")
        self._mappings: mappings.Mappings | None = None
        self._unwatched: KernelError | None = None
        try:
            self._load(ring_fd)
            self._watch()
            self._attach_all()
        except BaseException:
            self.close()
            raise

    def _load(self, ring_fd: int) -> None:
        self._bpf.replace("ring", ring_fd)
        self._bpf.prefer_uprobe_multi(*PROGRAMS)
        preemptible = programs_are_preemptible()
        if not preemptible:
            self._bpf.leave_out(EXEC_PERF)
        self._bpf.load()
        self._progress = Progress.from_buffer(self._bpf.variables())
        self._bpf.attach("exec")
        if preemptible:
            with suppress(KernelError):  # told for attempts already
                self._bpf.attach_perf(EXEC_PERF)

    def _watch(self) -> None:
        try:
            self._mappings = mappings.Mappings()
        except KernelError as error:
            self._unwatched = error

    def _attach_all(self) -> None:
        """Attach to the libraries of all processes; one at least must do."""
        for pid in libc.roots():
            self.look_at(pid)
        self._scan()
        if not any(probe.links for probe in self._probes.values()):
            raise self._failure or KernelError("found no C library with getaddrinfo")

    def look_at(self, pid: int) -> None:
        """Attach to the libraries that this process may use, where they are new."""
        self._sweep()
        mntns = libc.mount_namespace(pid)
        with self._noting(pid):
            for library in libc.libraries(pid):
                self._take(library, pid, mntns)

    def look(self) -> bool:
        """Attach to libraries that were mapped since; return whether anything was."""
        if not self._mappings:
            return False
        anything, found = self._mappings.read()
        for mapping in found:
            self._look_at_mapping(mapping)
        if self._mappings.lost and time.monotonic_ns() - self._scanned_ns > SCAN_NS:
            self._mappings.lost = False
            self._scan()
        return anything

    def _scan(self) -> None:
        self._scanned_ns = time.monotonic_ns()
        for pid in libc.processes():
            for mapping in mappings.mapped(pid):
                self._look_at_mapping(mapping)

    def _look_at_mapping(self, mapping: Mapping) -> None:
        probe = self._mapped.get(mapping.file) or self._probes.get(mapping.file)
        if probe and probe.links:
            probe.mntnses.add(libc.mount_namespace(mapping.pid))
            return
        with self._noting(mapping.pid):
            if library := libc.mapped_library(mapping):
                mntns = libc.mount_namespace(mapping.pid)
                probe = self._take(library, mapping.pid, mntns)
                if probe.links:
                    self._mapped[mapping.file] = probe
        self.unprobed += libc.has_ended(mapping.pid)

    def _take(self, library: Library, pid: int, mntns: int) -> _Probe:
        """Attach to a library that is new, or was written to since; close it."""
        try:
            probe = self._probes.get(library.file)
            if probe and probe.version != library.version:
                self._let_go({library.file})
                probe = None
            if not probe:
                probe = self._add(library)
                with self._noting(pid):
                    self._attach(library, probe)
            probe.mntnses.add(mntns)
            return probe
        finally:
            os.close(library.fd)

    def _add(self, library: Library) -> _Probe:
        if len(self._probes) >= MAX_LIBRARIES:
            reason = f"there are more than {MAX_LIBRARIES} C libraries"
            raise KernelError(f"can't probe {library.path}", reason)
        probe = self._probes[library.file] = _Probe(library.version, [], set())
        return probe

    def _attach(self, library: Library, probe: _Probe) -> None:
        size, _ = library.version
        if size > MAX_BYTES:
            reason = f"it has more than {MAX_BYTES >> 20} MiB"
            raise KernelError(f"can't probe {library.path}", reason)
        for name, programs in FUNCTIONS.items():
            for at_return, program in enumerate(programs):
                target = Function(library.fd, name, bool(at_return), library.path)
                probe.links.append(self._bpf.attach_uprobe(program, target))

    @contextmanager
    def _noting(self, pid: int) -> Iterator[None]:
        """Make a notice of what goes wrong with the library of a process."""
        try:
            yield
        except KernelError as error:
            self._failure = self._failure or error
            self._note(pid, str(error))
        except OSError as error:  # no descriptors, most likely
            self._note(pid, os.strerror(error.errno or 0))

    def _note(self, pid: int, reason: str) -> None:
        """Keep a notice: of the first so many, since anyone may start containers."""
        self._noted += 1
        if self._noted <= MAX_NOTICES:
            self.notices.append(f"no names from the libc of process {pid}: {reason}")

    @property
    def fds(self) -> tuple[int, ...]:
        """Descriptors that are readable when there is something to ``look`` at."""
        return (self._mappings.fileno(),) if self._mappings else ()

    @property
    def later(self) -> frozenset[str]:
        """The capabilities that it needs to look at containers to come."""
        return OTHERS_FILES if self._bpf.multi else OTHERS_FILES | PERF

    @property
    def limits(self) -> tuple[str, ...]:
        """What it can't see, a line each."""
        limits = []
        if lack := lacking("CAP_SYS_PTRACE"):
            why = missing(lack)
            limits.append(TcpconnectError("no names from libc in containers", *why))
        if error := self._unwatched:
            limit = TcpconnectError(
                "C libraries in unusual places are found at start only",
                error.reason,
                error.remedy,
            )
            limits.append(limit)
        return tuple(map(str, limits))

    def _sweep(self) -> None:
        """Let go of libraries of mount namespaces that are gone.

        An attached probe keeps the file system of its library in use.
        """
        now = time.monotonic_ns()
        if now - self._swept_ns < SWEEP_NS:
            return
        self._swept_ns = now
        alive = libc.mount_namespaces()
        for probe in self._probes.values():
            probe.mntnses.intersection_update(alive)
        self._let_go({f for f, probe in self._probes.items() if not probe.mntnses})

    def _let_go(self, files: set[tuple[int, int]]) -> None:
        for file in files:
            for link in self._probes.pop(file).links:
                self._bpf.detach(link)
        kept = {id(probe) for probe in self._probes.values()}
        self._mapped = {f: p for f, p in self._mapped.items() if id(p) in kept}

    @property
    def lost(self) -> int:
        """How many lookups did not fit the ring buffer."""
        return int(self._progress.lost)

    def close(self) -> None:
        """Detach and unload."""
        if self._mappings:
            self._mappings.close()
        self._bpf.close()
