"""Sources of names in the kernel: DNS answers, and lookups by the C libraries."""

from __future__ import annotations

import ctypes
import os
import time
from contextlib import suppress
from ctypes import Structure, c_uint64
from typing import TYPE_CHECKING, NamedTuple

from tcpconnect.bpf import cgroup, libc
from tcpconnect.bpf.capabilities import ALMIGHTY, READ_FILES, lacking, missing
from tcpconnect.bpf.object import BpfObject, Function, step
from tcpconnect.bpf.release import programs_are_preemptible
from tcpconnect.errors import KernelError, TcpconnectError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_WAITS = 65536  # names that processes wait for
# What sees questions comes first, or else the first answers would be to none.
ANSWER_PROGRAMS = ("send4", "send6", "question", "answer")
EXEC_PERF = "exec_perf"
LOOKUP_PROGRAMS = ("getaddrinfo_entry", "getaddrinfo_return")

# What it takes to open a file in any process's root; and to use perf: the first of
# these, or before Linux 6.16 the two others.
OTHERS_FILES = frozenset({"CAP_SYS_PTRACE", READ_FILES})
PERF = {ALMIGHTY, "CAP_BPF", "CAP_PERFMON"}
SWEEP_NS = 60 * 10**9  # how often libraries of containers that are gone are let go


class Progress(Structure):
    """The variable ``progress`` of answers.bpf.c and lookups.bpf.c."""

    _fields_ = (("lost", c_uint64),)


class Answers:
    """DNS answers to any socket of the cgroup v2 hierarchy that asked for them."""

    later: frozenset[str] = frozenset()
    limits: tuple[str, ...] = ()

    def __init__(self, library: ctypes.CDLL, ring_fd: int) -> None:
        self._bpf = BpfObject(library, "answers")
        with self._bpf.closed_on_failure():
            self._bpf.replace("ring", ring_fd)
            self._bpf.resize("waits", MAX_WAITS)
            self._bpf.load("CAP_NET_ADMIN")  # for programs that see addresses
            self._progress = Progress.from_buffer(self._bpf.variables())
            # Where it is not mounted, we mount it.
            with step("open the cgroup v2 hierarchy", ALMIGHTY):
                root = cgroup.open_root()
            try:
                for program in ANSWER_PROGRAMS:
                    self._bpf.attach_cgroup(program, root)
            finally:
                os.close(root)

    @property
    def lost(self) -> int:
        """How many answers did not fit the ring buffer."""
        return int(self._progress.lost)

    def close(self) -> None:
        """Detach and unload."""
        self._bpf.close()


class _Probe(NamedTuple):
    links: list[int]  # none when it could not be attached
    mntnses: set[int]  # mount namespaces whose processes may use it


class Lookups:
    """What getaddrinfo() returns, in every C library that a process here may use."""

    def __init__(self, library: ctypes.CDLL, ring_fd: int) -> None:
        self._probes: dict[tuple[int, int], _Probe] = {}
        self._swept_ns = time.monotonic_ns()
        machine = os.uname().machine
        if machine not in {"x86_64", "aarch64"}:
            raise KernelError(
                "can't attach to getaddrinfo",
                f"there is no program for {machine}",
                "names from DNS answers are shown all the same",
            )
        self._bpf = BpfObject(library, f"lookups.{machine}")
        with self._bpf.closed_on_failure():
            self._bpf.replace("ring", ring_fd)
            self._bpf.prefer_uprobe_multi(*LOOKUP_PROGRAMS)
            preemptible = programs_are_preemptible()
            if not preemptible:
                self._bpf.leave_out(EXEC_PERF)
            self._bpf.load()
            self._progress = Progress.from_buffer(self._bpf.variables())
            self._bpf.attach("exec")
            if preemptible:
                with suppress(KernelError):  # told for attempts already
                    self._bpf.attach_perf(EXEC_PERF)
            self._attach_all(libc.roots())

    def _attach_all(self, pids: Iterable[int]) -> None:
        """Attach to the libraries of these processes; one at least must do."""
        failure: KernelError | None = None
        for pid in pids:
            try:
                self.look_at(pid)
            except KernelError as error:
                failure = error
        if not any(probe.links for probe in self._probes.values()):
            raise failure or KernelError("found no C library with getaddrinfo")

    def look_at(self, pid: int) -> None:
        """Attach to the libraries that this process may use, where they are new."""
        self._sweep()
        mntns = libc.mount_namespace(pid)
        for library in libc.libraries(pid):
            try:
                key = (library.device, library.inode)
                new = key not in self._probes
                probe = self._probes.setdefault(key, _Probe([], set()))
                probe.mntnses.add(mntns)
                if new:  # not tried again when it fails
                    probe.links.extend(self._attach(library.fd))
            finally:
                os.close(library.fd)

    def _attach(self, fd: int) -> Iterator[int]:
        for at_return, program in enumerate(LOOKUP_PROGRAMS):
            target = Function(f"/proc/self/fd/{fd}", "getaddrinfo", bool(at_return))
            yield self._bpf.attach_uprobe(program, target)

    @property
    def later(self) -> frozenset[str]:
        """The capabilities that it needs to look at containers to come."""
        return OTHERS_FILES if self._bpf.multi else OTHERS_FILES | PERF

    @property
    def limits(self) -> tuple[str, ...]:
        """What it can't see, a line each."""
        if not (lack := lacking("CAP_SYS_PTRACE")):
            return ()
        error = TcpconnectError("no names from libc in containers", *missing(lack))
        return (str(error),)

    def _sweep(self) -> None:
        """Let go of libraries of mount namespaces that are gone.

        An attached probe keeps the file system of its library in use.
        """
        now = time.monotonic_ns()
        if now - self._swept_ns < SWEEP_NS:
            return
        self._swept_ns = now
        alive = libc.mount_namespaces()
        for key, probe in list(self._probes.items()):
            probe.mntnses.intersection_update(alive)
            if not probe.mntnses:
                for link in probe.links:
                    self._bpf.detach(link)
                del self._probes[key]

    @property
    def lost(self) -> int:
        """How many lookups did not fit the ring buffer."""
        return int(self._progress.lost)

    def close(self) -> None:
        """Detach and unload."""
        self._bpf.close()
