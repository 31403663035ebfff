"""The set of traced processes: filled here, maintained by BPF programs."""

from __future__ import annotations

from contextlib import suppress
from itertools import starmap
from typing import TYPE_CHECKING

from tcpconnect import messages
from tcpconnect.batch import Losses, Part, lost
from tcpconnect.errors import KernelError, TcpconnectError
from tcpconnect.kernel.filters import LIST, MEMBER, PERF_PROGRAMS, set_programs
from tcpconnect.kernel.records import EMPTIED, LISTED, Followed
from tcpconnect.machine.processes import Process, descendants, read_process, unlisted

if TYPE_CHECKING:
    from collections.abc import Collection

    from tcpconnect.bpf.object import BpfObject

NAMED = 3  # at most in a message
ONE_MISSING = (
    "it has ended or never existed",
    "give -p the PID of a running process",
)
MANY_MISSING = (
    "they have ended or never existed",
    "give -p PIDs of running processes",
)


class Follow(Part):
    """Maintains the set of traced processes; with ``children``, of descendants, too.

    ``pids`` are numbers of our PID namespace; existing descendants are added to the
    set. A warning names those that are not running. Raises TcpconnectError if none is.
    """

    kinds = (EMPTIED,)  # the record of an empty set only wakes us

    def __init__(
        self,
        bpf: BpfObject,
        pids: Collection[int],
        *,
        children: bool,
        preemptible: bool,
    ) -> None:
        super().__init__()
        self._bpf = bpf
        self._lost = 0
        self._unlisted: frozenset[int] = frozenset()
        self._followed = Followed.from_buffer(bpf.variables(".data.followed"))
        for program in set_programs(children=children, preemptible=preemptible):
            if program in PERF_PROGRAMS.values():
                with suppress(KernelError):  # already reported for attempts
                    bpf.attach_perf(program)
            else:
                bpf.attach(program)
        self._followed.initial = self._fill(pids, children=children)

    def _fill(self, pids: Collection[int], *, children: bool) -> int:
        """Add the running ones; return how many the set has."""
        self._unlisted = unlisted(pids, self._list())
        processes = self._list()
        members = self._named(pids, processes)
        self._bpf.fill("pids", {_key(pid): MEMBER for pid in members})
        if children:
            self._adopt(members, processes)
        processes = self._list()
        return sum(
            not self._forget_ended(process, processes.get(pid))
            for pid, process in members.items()
        )

    def _list(self) -> dict[int, Process]:
        """Return all processes of our PID namespace, by the machine's PIDs.

        Those that BPF does not list are read from /proc.
        """
        listed = LISTED.iter_unpack(self._bpf.iterate(LIST))
        found = [*starmap(Process, listed), *map(read_process, self._unlisted)]
        return {process.pid: process for process in found if process}

    def _named(
        self, numbers: Collection[int], processes: dict[int, Process]
    ) -> dict[int, Process]:
        """Return the processes of these numbers; note those that are not running."""
        running = {p.number: p for p in processes.values() if p.live}
        found = {running[n].pid: running[n] for n in numbers if n in running}
        missing = sorted(set(numbers) - running.keys())
        if not found:
            reason, remedy = MANY_MISSING if len(missing) > 1 else ONE_MISSING
            raise TcpconnectError(
                messages.NO_PROCESSES,
                processes=_some(missing),
                reason=reason,
                remedy=remedy,
            )
        if hidden := sorted(self._unlisted & found.keys()):
            whose = "their" if len(hidden) > 1 else "its"
            self.warnings.add(messages.UNLISTED, processes=_some(hidden), whose=whose)
        if missing:
            self.warnings.add(messages.SOME_NOT_RUNNING, processes=_some(missing))
        return found

    def _adopt(
        self, members: dict[int, Process], processes: dict[int, Process]
    ) -> None:
        """Add the existing descendants to the set, and to ``members``.

        The program adds children of those in the set. A child that was forked before
        its parent was in the set is found when we list the processes again after that.
        """
        known = set(members)
        while fresh := descendants({p.pid: p.ppid for p in processes.values()}, known):
            known |= fresh
            members |= {pid: processes[pid] for pid in fresh if self._insert(pid)}
            processes = self._list()

    def _insert(self, pid: int) -> bool:
        try:
            return self._bpf.insert("pids", _key(pid), MEMBER)
        except KernelError:  # most likely the set is full
            self._lost += 1
            return False

    def _forget_ended(self, process: Process, now: Process | None) -> bool:
        """Remove a process that may have exited before it was in the set.

        One that has a live thread after the insertion has not: the kernel decrements
        that count before the program runs.
        """
        running = now and now.live and now.start_ns == process.start_ns
        return not running and self._bpf.remove("pids", _key(process.pid))

    @property
    def empty(self) -> bool:
        """Whether all have ended."""
        followed = self._followed
        return bool(followed.initial + followed.added == followed.removed)

    @property
    def losses(self) -> Losses:
        """The children that could not be followed."""
        return lost(unfollowed=self._lost + int(self._followed.lost))


def _some(pids: list[int]) -> str:
    """Return ``process 1`` or ``processes 1, 2``: the first, and how many more."""
    noun = "processes" if len(pids) > 1 else "process"
    more = f" and {len(pids) - NAMED} more" if len(pids) > NAMED else ""
    return f"{noun} {', '.join(map(str, pids[:NAMED]))}{more}"


def _key(pid: int) -> bytes:
    return pid.to_bytes(4, "little")
