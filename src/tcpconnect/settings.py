"""What the user asked for, checked: from the command line or from ``trace()``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from tcpconnect.errors import UsageError

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

MAX_PID = 1 << 22
MAX_UID = (1 << 32) - 1
MAX_PORT = (1 << 16) - 1
MAX_INODE = (1 << 32) - 1
MAX_COMM = 15  # bytes
RING_BYTES = 4 << 20
NAME_SOURCES = frozenset({"dns", "libc"})

# What a cgroup's path tells.
CGROUP_DETAILS = frozenset(
    {"cgroup", "container", "container_id", "runtime", "unit", "pod", "pod_uid"}
)
# What the files of container runtimes tell.
NAMED_DETAILS = frozenset({"container", "pod"})
DETAILS = CGROUP_DETAILS | {"ppid", "exe", "cmdline", "mntns"}
# What lies open in the task and the socket.
BASICS = frozenset({"comm", "uid", "netns", "cgroup_id"})


class Cgroup(NamedTuple):
    """A cgroup of v2: its ID, and at which levels below the root it may be."""

    id: int
    levels: range


class Places(NamedTuple):
    """Where to trace: cgroups, containers' cgroups, and containers' mount namespaces.

    The last are those of containers that are not in cgroup v2.
    """

    cgroups: frozenset[Cgroup] = frozenset()
    containers: frozenset[Cgroup] = frozenset()
    mntnses: frozenset[int] = frozenset()

    @property
    def of_containers(self) -> bool:
        """Whether containers are named."""
        return bool(self.containers or self.mntnses)

    @property
    def levels(self) -> list[int]:
        """All levels at which the cgroups may be."""
        every = self.cgroups | self.containers
        return sorted({level for cgroup in every for level in cgroup.levels})


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What to trace and when to report it; an empty set of a filter means all.

    ``netns`` are inode numbers; ``follow`` adds the children of ``pids`` to them.
    ``result`` and ``lport`` hold an attempt's event back: until it has ended, and until
    its source port is known. ``failed`` and ``slower_ms`` imply ``result``,
    ``dns_latency`` implies ``dns``.
    """

    pids: frozenset[int] = frozenset()
    uids: frozenset[int] = frozenset()
    ports: frozenset[int] = frozenset()
    not_ports: frozenset[int] = frozenset()
    ip: int = 0
    to: frozenset[IPv4Network | IPv6Network] = frozenset()
    not_to: frozenset[IPv4Network | IPv6Network] = frozenset()
    from_: frozenset[IPv4Network | IPv6Network] = frozenset()
    comms: frozenset[str] = frozenset()
    netns: frozenset[int] = frozenset()
    places: Places = Places()
    follow: bool = False
    cgroupmap: str | None = None
    mntnsmap: str | None = None
    lport: bool = False
    result: bool = False
    failed: bool = False
    slower_ms: float = 0.0
    count: bool = False
    dns: bool = False
    dns_latency: bool = False
    name_sources: frozenset[str] = NAME_SOURCES
    max_names: int = 10_240
    names_ttl_s: float = 24 * 3600.0
    details: frozenset[str] = frozenset()
    basics: frozenset[str] = BASICS
    ring_bytes: int = RING_BYTES
    verbose: bool = False

    def __post_init__(self) -> None:
        """Raise UsageError for values that the kernel does not have."""
        _check("PID", self.pids, 1, MAX_PID)
        _check("UID", self.uids, 0, MAX_UID)
        _check("port", self.ports | self.not_ports, 0, MAX_PORT)
        _check("inode of a network namespace", self.netns, 1, MAX_INODE)
        for comm in self.comms:
            if not 0 < len(os.fsencode(comm)) <= MAX_COMM:
                remedy = f"it has 1 to {MAX_COMM} bytes"
                raise UsageError(f"{comm!r} is no name of a process", "", remedy)
        if self.follow and not self.pids:
            raise UsageError("-f follows the processes of -p", "", "add -p PID")
        if self.ip not in {0, 4, 6}:
            raise UsageError(
                f"no IP version {self.ip}", "", "it is 4, 6, or 0 for both"
            )
        if "" in {self.cgroupmap, self.mntnsmap}:
            raise UsageError("the path of a map is empty", "", "name a pinned BPF map")
        if not 0 <= self.slower_ms < 1e12:
            raise UsageError(f"{self.slower_ms} ms is no time to wait for", "", "")
        _check_known("source of names", self.name_sources, NAME_SOURCES)
        _check_known("detail", self.details, DETAILS)
        _check_known("basic detail", self.basics, BASICS)
        if not (self.max_names > 0 and self.names_ttl_s > 0):
            raise UsageError("names need room and time to be kept", "", "more than 0")
        if self.ring_bytes < 4096 or self.ring_bytes & (self.ring_bytes - 1):
            raise UsageError(
                f"the ring can't have {self.ring_bytes} bytes",
                "",
                "it is a power of two, one page at least",
            )

    @property
    def wait_end(self) -> bool:
        """Whether an attempt is reported, or counted, when it ends."""
        by_end = self.failed or self.slower_ms > 0
        return by_end or (self.result and not self.count)

    @property
    def named(self) -> bool:
        """Whether names are sought."""
        return self.dns or self.dns_latency

    @property
    def told(self) -> frozenset[str]:
        """What the kernel reads and tells of who connects: what somebody uses."""
        # By these it is known whose name a connection has.
        of_names = {"netns", "cgroup_id", "start"} if self.named else set()
        if self.count:
            return frozenset(of_names & {"netns"})
        return self.details | self.basics | of_names

    @property
    def tell_image(self) -> bool:
        """Whether the kernel tells more of a process than numbers."""
        return bool(self.details - {"ppid", "mntns"})

    @property
    def deep(self) -> bool:
        """Whether the kernel looks into the task that connects, beyond its numbers."""
        by_place = self.places.cgroups or self.places.of_containers
        return bool(self.details or by_place or self.mntnsmap)

    @property
    def track(self) -> bool:
        """Whether attempts are followed to their end."""
        return self.wait_end or self.lport or self.count


def _check(what: str, values: frozenset[int], low: int, high: int) -> None:
    for value in values:
        if not low <= value <= high:
            raise UsageError(
                f"{value} is no {what}", "", f"a {what} is {low} to {high}"
            )


def _check_known(what: str, values: frozenset[str], known: frozenset[str]) -> None:
    for value in sorted(values - known):
        remedy = f"there are {', '.join(sorted(known))}"
        raise UsageError(f"no {what} {value!r}", "", remedy)
