"""The set of traced processes: filled here, kept by programs in the kernel."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from tcpconnect.batch import Losses, Part
from tcpconnect.errors import KernelError, TcpconnectError
from tcpconnect.kernel.filters import MEMBER
from tcpconnect.kernel.records import EMPTIED, LISTED, Followed
from tcpconnect.machine.processes import Process, descendants, read_process, unlisted

if TYPE_CHECKING:
    from collections.abc import Collection

    from tcpconnect.bpf.object import BpfObject

PROGRAMS = ("process_exits", "process_forks")
# The same on perf's tracepoints, where tasks lose their CPU inside of programs.
PERF_PROGRAMS = {name: f"{name}_perf" for name in PROGRAMS}
LIST = "list_processes"
NAMED = 3  # processes that a message names
ONE_MISSING = (
    "it has ended, or there was none",
    "give -p the PID of a running process",
)
MANY_MISSING = (
    "they have ended, or there were none",
    "give -p PIDs of running processes",
)


def programs(*, children: bool, preemptible: bool) -> list[str]:
    """Return the programs that keep the set, in the order to attach them in."""
    plain = PROGRAMS if children else PROGRAMS[:1]
    return [*plain, *(PERF_PROGRAMS[name] for name in plain if preemptible)]


def unused(*, any_pids: bool, children: bool, preemptible: bool) -> set[str]:
    """Return the programs that need not be loaded."""
    every = {LIST, *PROGRAMS, *PERF_PROGRAMS.values()}
    if not any_pids:
        return every
    return every - {LIST, *programs(children=children, preemptible=preemptible)}


class Follow(Part):
    """Keeps the set of traced processes, with ``children`` of their children, too.

    ``pids`` are numbers of our PID namespace; descendants that are there already come
    to the set. Those that are not there are warned of. Raises TcpconnectError when
    none is.
    """

    kinds = (EMPTIED,)  # that of an empty set is there to wake us

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
        for program in programs(children=children, preemptible=preemptible):
            if program in PERF_PROGRAMS.values():
                with suppress(KernelError):  # told for attempts already
                    bpf.attach_perf(program)
            else:
                bpf.attach(program)
        self._followed.initial = self._fill(pids, children=children)

    def _fill(self, pids: Collection[int], *, children: bool) -> int:
        """Add those that are there; return how many of them the set has."""
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

        Those that the kernel does not list are read in /proc.
        """
        listed = LISTED.iter_unpack(self._bpf.iterate(LIST))
        found = [*map(Process._make, listed), *map(read_process, self._unlisted)]
        return {process.pid: process for process in found if process}

    def _named(
        self, numbers: Collection[int], processes: dict[int, Process]
    ) -> dict[int, Process]:
        """Return the processes of these numbers; tell of those that are not there."""
        running = {p.number: p for p in processes.values() if p.live}
        found = {running[n].pid: running[n] for n in numbers if n in running}
        missing = sorted(set(numbers) - running.keys())
        if not found:
            why = MANY_MISSING if len(missing) > 1 else ONE_MISSING
            raise TcpconnectError(f"no process{_some(missing)}", *why)
        if hidden := sorted(self._unlisted & found.keys()):
            whose = "their" if len(hidden) > 1 else "its"
            self.warnings.add(
                f"warning: BPF does not list process{_some(hidden)}: "
                f"{whose} attempts may not be seen"
            )
        if missing:
            self.warnings.add(
                f"warning: no process{_some(missing)}; the others are traced"
            )
        return found

    def _adopt(
        self, members: dict[int, Process], processes: dict[int, Process]
    ) -> None:
        """Add the descendants that are there to the set, and to ``members``.

        Children of those in the set are added by the program. A child that was made
        before its parent was in the set is seen when we look again after that.
        """
        known = set(members)
        while fresh := descendants({p.pid: p.ppid for p in processes.values()}, known):
            known |= fresh
            members |= {pid: processes[pid] for pid in fresh if self._insert(pid)}
            processes = self._list()

    def _insert(self, pid: int) -> bool:
        try:
            return self._bpf.insert("pids", _key(pid), MEMBER)
        except KernelError:  # full, as far as is known
            self._lost += 1
            return False

    def _forget_ended(self, process: Process, now: Process | None) -> bool:
        """Remove a process that may have passed the program before it was in the set.

        One that has a live thread after it was inserted has not passed: the kernel
        counts them before.
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
        return Losses(unfollowed=self._lost + int(self._followed.lost))


def _some(pids: list[int]) -> str:
    """Return what follows "process": the first of them, and how many more there are."""
    plural = "es" if len(pids) > 1 else ""
    more = f" and {len(pids) - NAMED} more" if len(pids) > NAMED else ""
    return f"{plural} {', '.join(map(str, pids[:NAMED]))}{more}"


def _key(pid: int) -> bytes:
    return pid.to_bytes(4, "little")
