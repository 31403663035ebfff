"""Settings: what to trace, from the command line or ``trace()``, checked."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import force_setattr

from tcpconnect import messages
from tcpconnect.arguments import MAX_NAMES, NAME_SOURCES, NAMES_TTL_S
from tcpconnect.errors import UsageError
from tcpconnect.fields import choose

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from ipaddress import IPv4Network, IPv6Network

    from tcpconnect.fields import Column, Field, Need

    Network = str | IPv4Network | IPv6Network

# The filters of wanted.py: the column that each looks at.
FILTERED = {"units": "unit", "pods": "pod", "to_names": "query", "results": "result"}
# These show whose name a connection has.
OF_NAMES = frozenset({"netns", "cgroup_id", "start"})


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What to trace and when to report it.

    Collections become frozensets; an empty filter means all.

    Attributes:
        pids: only these processes, by their PIDs in our PID namespace. The trace ends
            when all of them have ended.
        uids: only these user IDs.
        ports: only these destination ports; also those that programs asked for, where
            they are known (``asked_port``). The same holds for ``to``.
        not_ports: none of these destination ports.
        ip: 4 or 6: only this version on the wire; 0: both.
        to: only destinations in these networks (texts, or networks of ``ipaddress``;
            one of IPv6 that is IPv4-mapped is one of IPv4).
        not_to: no destinations in these networks.
        from_: only source addresses in these networks.
        comms: only threads of these names, of up to 15 bytes.
        not_comms: no threads of these names.
        netns: only sockets of these network namespaces, by their inode numbers, or by
            paths such as "/run/netns/blue" and "/proc/1234/ns/net".
        cgroups: only processes in these cgroups and below, by paths from where cgroup
            v2 is mounted.
        containers: only these containers, by name, ID or ID prefix.
        not_containers: none of these containers, which must be running, too.
        units: only processes whose innermost systemd unit has one of these names.
            ``.service`` may be left out. In this and the next two, ``*``, ``?`` and
            ``[...]`` are wildcards. They are applied after decoding, so not to counts
            of the kernel (``count``).
        pods: only pods of these names, ``namespace/name`` or ``name``.
        to_names: only destinations of these names: names are found, as with ``dns``.
            What has no known name does not match.
        results: only attempts, and lookups, that ended so: "ECONNREFUSED", "NXDOMAIN",
            "OK"; implies ``result``.
        follow: trace all descendants of ``pids``, too, until all have ended.
        not_own: leave out what the process itself does that traces.
        cgroupmap: path of a pinned BPF hash map, key u64 and value u64: only the
            cgroups whose IDs are its keys.
        mntnsmap: the same for inodes of mount namespaces, key u64 and value u32.
        lport: hold each event until its source port is known.
        result: hold each event until its attempt has ended; ``latency_ms`` and
            ``result`` are then set.
        failed: only attempts that did not end OK; implies ``result``.
        why: find out why attempts fail, and how many SYNs each takes: ``why``,
            ``why_from`` and ``syns`` are set; implies ``result``.
        slower_ms: only attempts that took at least so long; implies ``result``.
        count: count per flow in the kernel, for ``flows()``; no events.
        tally: hold each event until its attempt has ended, as ``result`` does, but
            without attempts that the kernel refuses before it sends a SYN.
        interval_s: with ``batches()``: each so many seconds a batch says which attempts
            are still open. They are held until they end.
        gauges_s: with ``batches()``: each so many seconds a batch has Gauges.
        dns: find the names of destinations: ``query`` and its companions are set, and
            ``dns_ms``, how long the program waited for the name.
        dns_latency: implies ``dns`` and ``result``: the whole cost of reaching it.
        name_sources: where names are seen: "dns" (port 53), "libc" (getaddrinfo).
        max_names: keep the names of so many addresses, in 4,800 bytes each on average.
        names_ttl_s: forget a name after so many seconds.
        columns: the members of Connection, or with ``count`` of Flow, that are wanted,
            by the names of ``tcpconnect --columns help``; what fills them is traced,
            too. The others may be None, or 0. Without it, it is those that the options
            above fill, and all that take nothing more than the attempt.
        duration: seconds until the trace stops by itself; None: never.
        ring_bytes: size of the ring buffer, a power of two.
        verbose: let libbpf write its log to stderr.
    """

    pids: Collection[int] = frozenset()
    uids: Collection[int] = frozenset()
    ports: Collection[int] = frozenset()
    not_ports: Collection[int] = frozenset()
    ip: int = 0
    to: Collection[Network] = frozenset()
    not_to: Collection[Network] = frozenset()
    from_: Collection[Network] = frozenset()
    comms: Collection[str] = frozenset()
    not_comms: Collection[str] = frozenset()
    netns: Collection[int | str] = frozenset()
    cgroups: Collection[str] = frozenset()
    containers: Collection[str] = frozenset()
    not_containers: Collection[str] = frozenset()
    units: Collection[str] = frozenset()
    pods: Collection[str] = frozenset()
    to_names: Collection[str] = frozenset()
    results: Collection[str] = frozenset()
    follow: bool = False
    not_own: bool = False
    cgroupmap: str | None = None
    mntnsmap: str | None = None
    lport: bool = False
    result: bool = False
    failed: bool = False
    why: bool = False
    slower_ms: float = 0.0
    count: bool = False
    tally: bool = False
    interval_s: float | None = None
    gauges_s: float | None = None
    dns: bool = False
    dns_latency: bool = False
    name_sources: Collection[str] = NAME_SOURCES
    max_names: int = MAX_NAMES
    names_ttl_s: float = NAMES_TTL_S
    columns: Collection[str] | None = None
    duration: float | None = None
    ring_bytes: int = 4 << 20
    verbose: bool = False

    def __post_init__(self) -> None:
        """Check the members that are not defaults. Raises UsageError."""
        fields = type(self).__struct_fields__
        defaults = type(self).__struct_defaults__
        for name, default in zip(fields, defaults, strict=True):
            given = getattr(self, name)
            if given is default or name == "columns":
                continue
            if check := _checks().get(name):
                force_setattr(self, name, _checked(name, given, check))
        if self.columns is not None:
            force_setattr(self, "columns", tuple(self.columns))
            choose(self.table, self.columns)
        if self.follow and not self.pids:
            raise UsageError(messages.FOLLOW_WITHOUT_PID)
        if self.ip not in {0, 4, 6}:
            raise UsageError(messages.INVALID_IP_VERSION, version=self.ip)
        if self.count and self.filtered:
            raise UsageError(messages.FILTERED_COUNT, member=self.filtered[0])

    @property
    def filtered(self) -> list[str]:
        """The filters that user space applies, after decoding."""
        return [name for name in FILTERED if getattr(self, name)]

    @property
    def only_failed(self) -> bool:
        """Whether the kernel leaves out the attempts that end OK."""
        return self.failed or (bool(self.results) and "OK" not in self.results)

    @property
    def wait_end(self) -> bool:
        """Whether an attempt is reported, or counted, when it ends."""
        by_end = self.only_failed or self.slower_ms > 0
        in_time = self.tally or self.interval_s is not None
        return by_end or in_time or (self.with_result and not self.count)

    @property
    def with_result(self) -> bool:
        """Whether results are wanted."""
        by_end = self.only_failed or self.slower_ms > 0
        by_option = self.result or by_end or self.dns_latency
        return by_option or self.with_why or "result" in self._needs

    @property
    def with_why(self) -> bool:
        """Whether it is wanted why attempts fail."""
        return self.why or "why" in self._needs

    @property
    def refusals(self) -> bool:
        """Whether attempts are wanted that the kernel refuses before it sends a SYN.

        Their latency is 0.
        """
        return self.with_result and not self.slower_ms

    @property
    def with_calls(self) -> bool:
        """Whether calls of connect() are looked at: what is asked for, and refused."""
        return self.refusals or self.with_why or self.asked

    @property
    def asked(self) -> bool:
        """Whether it is used what programs ask for, where their cgroups change it."""
        by_address = self.ports or self.not_ports or self.to or self.not_to
        by_filter = self.with_result and bool(by_address)
        return self.named or by_filter or self.shows_asked

    @property
    def shows_asked(self) -> bool:
        """Whether it is shown what programs ask for."""
        return "asked" in self._needs

    @property
    def slow_refusals(self) -> bool:
        """Whether they are wanted even where every system call gets slower by that."""
        return self.refusals and (self.only_failed or self.with_why)

    @property
    def with_lport(self) -> bool:
        """Whether source ports are wanted, be it late."""
        return self.lport or "lport" in self._needs

    @property
    def with_process(self) -> bool:
        """Whether more is wanted of who connects than its numbers and its name."""
        return not self._needs.isdisjoint({"process", "containers"})

    @property
    def with_containers(self) -> bool:
        """Whether names are wanted that the files of container runtimes have."""
        return "containers" in self._needs

    @property
    def named(self) -> bool:
        """Whether names are found."""
        return self.dns or self.dns_latency or "dns" in self._needs

    @property
    def lookups(self) -> bool:
        """Whether lookups that fail are wanted: names are found, and results."""
        return self.named and self.with_result

    @property
    def process_details(self) -> frozenset[str]:
        """The details of a process that are used: the kernel side sends them."""
        of_names = OF_NAMES if self.named else frozenset[str]()
        if self.count:  # local addresses are other ones in each network namespace
            return of_names & {"netns"}
        return of_names.union(field.reads for field in self._fields) - {""}

    @property
    def track(self) -> bool:
        """Whether attempts are followed to their end."""
        return self.wait_end or self.with_lport or self.count

    @property
    def table(self) -> dict[str, Column]:
        """The field table of what is traced."""
        if self.count:
            from tcpconnect.flow import FLOW

            return FLOW
        from tcpconnect.connection import CONNECTION

        return CONNECTION

    @property
    def _fields(self) -> list[Field]:
        """The fields that are wanted."""
        by_filters = [self.table[FILTERED[name]].field for name in self.filtered]
        if self.columns is None:
            plain = [c.field for c in self.table.values() if not c.field.needs]
            return plain + by_filters
        return [self.table[name].field for name in self.columns] + by_filters

    @property
    def _needs(self) -> set[Need]:
        return {field.needs for field in self._fields}


def _checked(name: str, given: Any, check: Callable[[Any], Any]) -> Any:
    try:
        return check(given)
    except UsageError as error:
        raise UsageError(
            messages.OF_MEMBER,
            member=name,
            sentence=error.sentence,
            reason=error.reason,
            remedy=error.remedy,
        ) from error


@cache
def _checks() -> dict[str, Callable[[Any], Any]]:
    """Return how members are checked and converted."""
    from tcpconnect.options import OPTIONS  # late: the defaults need no check

    return {option.member: option.value.check for option in OPTIONS if option.value}
