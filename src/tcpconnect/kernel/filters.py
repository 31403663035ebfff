"""The filters in the kernel: their maps and constants, from the settings."""

from __future__ import annotations

import os
from _socket import htons  # socket takes 4 ms to import
from contextlib import suppress
from enum import IntFlag
from typing import TYPE_CHECKING, cast

from tcpconnect import messages
from tcpconnect.errors import KernelError
from tcpconnect.kernel.config import ONLY_NOT_PORTS, PORT_WORDS, SOME_PORTS
from tcpconnect.kernel.records import NAMESPACE_KNOWN_WHILE_OPEN, NAMESPACE_UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from tcpconnect.bpf.object import BpfObject
    from tcpconnect.kernel.config import Config
    from tcpconnect.kernel.networks import Network, NetworkSet
    from tcpconnect.places import Targets
    from tcpconnect.settings import Settings

COMM_LEN = 16
WORD_BITS = 64
MAX_FOLLOWED = 1 << 16  # processes that are traced at a time with -f
ALL = (1 << WORD_BITS) - 1
MEMBER = b"\1"
NETNS_PROGRAM, MNTNS_PROGRAM = "trace_netns", "trace_mntns"
NOT_MNTNS_PROGRAM = "exclude_mntns"
NOT_OWN_PROGRAM = "exclude_own"
# They maintain the set of processes, and list those that are there at the start. The
# same on perf tracepoints is for kernels where programs can be preempted.
SET_PROGRAMS = ("process_exits", "process_forks")
PERF_PROGRAMS = {name: f"{name}_perf" for name in SET_PROGRAMS}
LIST = "list_processes"
VERSIONS = ("ipv4", "ipv6")  # of the networks in a map
ONLY_KEY = bytes(4)  # of an array of one element


class TaskFilter(IntFlag):
    """Enum task_filter."""

    PID = 1 << 0
    UID = 1 << 1
    COMM = 1 << 2
    NETNS = 1 << 3
    CGROUP = 1 << 4
    CONTAINER = 1 << 5
    CGROUPMAP = 1 << 6
    MNTNSMAP = 1 << 7
    NOT_COMM = 1 << 8
    NOT_CONTAINER = 1 << 9
    NOT_OWN = 1 << 10


# That look at who connects, by what is in a map: only programs of that filter use it.
MAPS = {
    "pids": TaskFilter.PID,
    "uids": TaskFilter.UID,
    "comms": TaskFilter.COMM,
    "not_comms": TaskFilter.NOT_COMM,
    "netnses": TaskFilter.NETNS,
    "mntnses": TaskFilter.CONTAINER,
    "not_mntnses": TaskFilter.NOT_CONTAINER,
    "cgroups": TaskFilter.CGROUP | TaskFilter.CONTAINER | TaskFilter.NOT_CONTAINER,
    "cgroupmap": TaskFilter.CGROUPMAP,
    "mntnsmap": TaskFilter.MNTNSMAP,
    "own": TaskFilter.NOT_OWN,
}

# Those that look at more than the socket, and what helpers return: enum depth.
BY_OWNER = TaskFilter.NETNS | TaskFilter.CGROUPMAP
BY_IMAGE = (
    TaskFilter.CGROUP
    | TaskFilter.CONTAINER
    | TaskFilter.NOT_CONTAINER
    | TaskFilter.MNTNSMAP
)


class AddressFilter(IntFlag):
    """Enum address_filter."""

    TO = 1 << 0
    NOT_TO = 1 << 1
    FROM = 1 << 2


class Filters:
    """The filters, as keys and values of maps and as constants."""

    def __init__(self, settings: Settings, targets: Targets) -> None:
        self._settings = settings
        self._targets = targets
        self._networks = {
            AddressFilter.TO: _network_set(settings.to),
            AddressFilter.NOT_TO: _network_set(settings.not_to),
            AddressFilter.FROM: _network_set(settings.from_),
        }
        self._entries = {
            "uids": _numbers(settings.uids, 4),
            "comms": _comms(settings.comms),
            "not_comms": _comms(settings.not_comms),
            "cgroups": _cgroups(targets),
        }
        self._values = {
            f"{_name(which)}_{version}": value
            for which, networks in self._networks.items()
            for version, value in (networks.values.items() if networks else ())
            if value
        }

    @property
    def of_task(self) -> TaskFilter:
        """Those that look at who connects."""
        settings = self._settings
        filters = TaskFilter(0)
        for which, wanted in (
            (TaskFilter.PID, settings.pids),
            (TaskFilter.UID, settings.uids),
            (TaskFilter.COMM, settings.comms),
            (TaskFilter.NETNS, settings.netns),
            (TaskFilter.CGROUP, self._targets.cgroups),
            (TaskFilter.CONTAINER, self._targets.of_containers),
            (TaskFilter.CGROUPMAP, settings.cgroupmap is not None),
            (TaskFilter.MNTNSMAP, settings.mntnsmap is not None),
            (TaskFilter.NOT_COMM, settings.not_comms),
            (TaskFilter.NOT_CONTAINER, self._targets.but_containers),
            (TaskFilter.NOT_OWN, settings.not_own),
        ):
            if wanted:
                filters |= which
        return filters

    def size(self, bpf: BpfObject) -> None:
        """Set the capacities of the maps, before the load; leave out the others."""
        settings, targets = self._settings, self._targets
        children = MAX_FOLLOWED if settings.follow else 0
        capacities = {name: len(entries) for name, entries in self._entries.items()}
        capacities["netnses"] = len(settings.netns)
        capacities["mntnses"] = len(targets.mntnses)
        capacities["not_mntnses"] = len(targets.not_mntnses)
        capacities["pids"] = max(len(settings.pids), children)
        for name, entries in capacities.items():
            bpf.resize(name, entries)
        for name, value in self._values.items():
            bpf.resize_value(name, len(value))
        of_task = self.of_task
        unused = [name for name, filters in MAPS.items() if not filters & of_task]
        for which, networks in self._networks.items():
            if not networks:
                unused += (f"{_name(which)}_{version}" for version in VERSIONS)
        bpf.leave_out_maps(*unused)

    def configure(self, config: Config) -> None:
        """Set the constants, before the load."""
        settings = self._settings
        config.ip = settings.ip
        if settings.ports or settings.not_ports:
            config.by_port = SOME_PORTS if settings.ports else ONLY_NOT_PORTS
            config.ports[:] = _port_words(settings.ports, settings.not_ports)
        config.task_filters = self.of_task
        levels = self._targets.levels
        config.level_count = len(levels)
        config.levels[: len(levels)] = levels
        for flag, networks in self._networks.items():
            if networks:
                config.address_filters |= flag
                networks.configure(getattr(config, _name(flag)))

    def fill(self, bpf: BpfObject) -> None:
        """Fill the maps, after the load; the set of processes is filled by Follow."""
        for name, entries in self._entries.items():
            bpf.fill(name, entries)
        for name, value in self._values.items():
            bpf.fill(name, {ONLY_KEY: value})
        if self._settings.netns:
            from tcpconnect.kernel.namespaces import open_netns

            for which in self._settings.netns:
                _trace_namespace(bpf, NETNS_PROGRAM, open_netns(which))
        if self._settings.not_own:
            bpf.run(NOT_OWN_PROGRAM, 0)
        for program, paths in self._mntnses.items():
            for path in paths:
                with suppress(OSError):  # that process of the container has ended
                    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                    _trace_namespace(bpf, program, fd)

    @property
    def _mntnses(self) -> dict[str, frozenset[str]]:
        """The mount namespaces of containers, by the program that adds them."""
        targets = self._targets
        return {MNTNS_PROGRAM: targets.mntnses, NOT_MNTNS_PROGRAM: targets.not_mntnses}

    def unused(self, *, preemptible: bool) -> set[str]:
        """Return the programs that fill no map."""
        settings = self._settings
        used: dict[str, object] = {NETNS_PROGRAM: settings.netns, **self._mntnses}
        used[NOT_OWN_PROGRAM] = settings.not_own
        every = {LIST, *SET_PROGRAMS, *PERF_PROGRAMS.values()}
        if settings.pids:
            every -= {
                LIST,
                *set_programs(children=settings.follow, preemptible=preemptible),
            }
        return every | {program for program, wanted in used.items() if not wanted}


def set_programs(*, children: bool, preemptible: bool) -> list[str]:
    """Return the programs that maintain the set, in the order to attach them."""
    plain = SET_PROGRAMS if children else SET_PROGRAMS[:1]
    return [*plain, *(PERF_PROGRAMS[name] for name in plain if preemptible)]


def _trace_namespace(bpf: BpfObject, program: str, fd: int) -> None:
    """Add the namespace of a descriptor to the set of a program.

    An open descriptor keeps its interfaces, or mounts, alive. So it is held only if
    another namespace could be mistaken for it later.
    """
    bpf.hold(fd)
    known = bpf.run(program, fd)
    if known == NAMESPACE_UNKNOWN:
        name = os.readlink(f"/proc/self/fd/{fd}")
        raise KernelError(messages.CANT_READ_NAMESPACE, name=name)
    if known != NAMESPACE_KNOWN_WHILE_OPEN:
        bpf.release(fd)


def _name(which: AddressFilter) -> str:
    return str(which.name).lower()


def _comms(names: Iterable[str]) -> dict[bytes, bytes]:
    return {os.fsencode(name).ljust(COMM_LEN, b"\0"): MEMBER for name in names}


def _numbers(values: Iterable[int], size: int) -> dict[bytes, bytes]:
    return {value.to_bytes(size, "little"): MEMBER for value in values}


def _cgroups(targets: Targets) -> dict[bytes, bytes]:
    """Return the filters that each cgroup passes, by its ID."""
    passes: dict[int, TaskFilter] = {}
    for cgroups, passed in (
        (targets.cgroups, TaskFilter.CGROUP),
        (targets.containers, TaskFilter.CONTAINER),
        (targets.not_containers, TaskFilter.NOT_CONTAINER),
    ):
        for cgroup in cgroups:
            passes[cgroup.id] = passes.get(cgroup.id, TaskFilter(0)) | passed
    return {i.to_bytes(8, "little"): p.to_bytes(2, "little") for i, p in passes.items()}


def _network_set(networks: Iterable[object]) -> NetworkSet | None:
    if not networks:
        return None
    from tcpconnect.kernel.networks import NetworkSet

    return NetworkSet(cast("Iterable[Network]", networks))  # Settings has parsed texts


def _port_words(ports: Collection[int], not_ports: Iterable[int]) -> list[int]:
    """Return a bit for every traced port; without ``ports``, all are traced.

    Its position is the port in network byte order, as in sockets.
    """
    words = [0 if ports else ALL] * PORT_WORDS
    for port in map(htons, ports):
        words[port // WORD_BITS] |= 1 << port % WORD_BITS
    for port in map(htons, not_ports):
        words[port // WORD_BITS] &= ~(1 << port % WORD_BITS)
    return words
