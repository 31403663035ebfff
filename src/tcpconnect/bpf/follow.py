"""Follow: the children of traced processes are traced, too, until all have ended."""

from __future__ import annotations

import os
from contextlib import suppress
from ctypes import Structure, c_uint64
from struct import Struct as Layout
from typing import TYPE_CHECKING

from tcpconnect.bpf.object import BpfObject
from tcpconnect.bpf.release import programs_are_preemptible
from tcpconnect.errors import KernelError, UsageError
from tcpconnect.processes import all_processes, descendants, is_running

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Collection

    from tcpconnect.bpf.ring import Run
    from tcpconnect.processes import Process

PROGRAMS = ("process_exits", "process_forks")
PERF_PROGRAMS = ("process_exits_perf", "process_forks_perf")
EMPTIED = Layout("<Q")  # struct emptied of types.h
PID_NAMESPACE = "/proc/self/ns/pid"
# include/linux/proc_ns.h: PROC_PID_INIT_INO.
INITIAL_PID_NAMESPACE = 0xEFFFFFFC
MEMBER = b"\1"


class Followed(Structure):
    """Struct followed of types.h, in memory shared with the programs."""

    _fields_ = (
        ("initial", c_uint64),
        ("added", c_uint64),
        ("removed", c_uint64),
        ("lost", c_uint64),
    )


class Follow:
    """Keeps the set of traced processes, from the constructor until ``close``.

    ``pids_fd`` is the map with the first of them; their descendants that are there
    already come to it. Raises UsageError when a process is not there.
    """

    def __init__(
        self, library: ctypes.CDLL, ring_fd: int, pids_fd: int, pids: Collection[int]
    ) -> None:
        _require_machine_pids()
        self._lost = 0
        self._bpf = BpfObject(library, "follow")
        with self._bpf.closed_on_failure():
            self._bpf.replace("ring", ring_fd)
            self._bpf.replace("pids", pids_fd)
            preemptible = programs_are_preemptible()
            if not preemptible:
                self._bpf.leave_out(*PERF_PROGRAMS)
            self._bpf.load()
            self._followed = Followed.from_buffer(self._bpf.variables())
            for program in PROGRAMS:
                self._bpf.attach(program)
            for program in PERF_PROGRAMS if preemptible else ():
                with suppress(KernelError):  # told for attempts already
                    self._bpf.attach_perf(program)
            self._followed.initial = self._adopt(pids)

    def _adopt(self, pids: Collection[int]) -> int:
        """Add the descendants that are there; return how many of the set we added.

        Children of those in the set are added by the program. A child that was made
        before its parent was in the set is seen when we look again after that.
        """
        processes = all_processes()
        for pid in pids:
            if pid not in processes:
                raise UsageError(f"no process {pid} to follow", "", "give -p its PID")
        ours = {pid: processes[pid] for pid in pids}
        known = set(pids)
        while fresh := descendants(processes, known):
            known |= fresh
            ours |= {pid: processes[pid] for pid in fresh if self._insert(pid)}
            processes = all_processes()
        return sum(
            not self._forget_ended(pid, process) for pid, process in ours.items()
        )

    def _insert(self, pid: int) -> bool:
        try:
            return self._bpf.insert("pids", _key(pid), MEMBER)
        except KernelError:  # full, as far as is known
            self._lost += 1
            return False

    def _forget_ended(self, pid: int, process: Process) -> bool:
        """Remove a process that may have passed the program before it was in the set.

        One that is running after it was inserted has not passed: the flag of a thread
        that ends is set before.
        """
        ended = not is_running(pid, process.started)
        return ended and self._bpf.remove("pids", _key(pid))

    lengths = (EMPTIED.size,)

    def learn(self, _: Run) -> None:
        """Take the record that tells of an empty set: it is there to wake us."""

    @property
    def empty(self) -> bool:
        """Whether all have ended."""
        followed = self._followed
        return bool(followed.initial + followed.added == followed.removed)

    @property
    def lost(self) -> int:
        """How many children could not be followed."""
        return self._lost + int(self._followed.lost)

    def close(self) -> None:
        """Detach and unload."""
        self._bpf.close()


def _require_machine_pids() -> None:
    """Raise UsageError where our PIDs are not those that BPF programs see."""
    if os.stat(PID_NAMESPACE).st_ino != INITIAL_PID_NAMESPACE:
        reason = "this is a PID namespace, whose numbers are not the machine's"
        remedy = "run it outside of the container, or with --pid=host"
        raise UsageError("can't follow processes", reason, remedy)


def _key(pid: int) -> bytes:
    return pid.to_bytes(4, "little")
