"""The filters of a trace, applied to attempts that were recorded.

They pass what the kernel's would have passed (bpf/filters.bpf.h, networks.bpf.h); those
by columns are the same ones (wanted.py).
"""

from __future__ import annotations

import os
from _socket import AF_INET, AF_INET6, inet_pton  # socket takes 4 ms to import
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from tcpconnect import recorded_messages
from tcpconnect.connection import LOOKUP
from tcpconnect.errors import UsageError
from tcpconnect.memo import Memo
from tcpconnect.options import FILTERS
from tcpconnect.output import printable
from tcpconnect.settings import FILTERED
from tcpconnect.wanted import Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from ipaddress import IPv4Network, IPv6Network

    from tcpconnect.connection import Connection
    from tcpconnect.errors import Line
    from tcpconnect.settings import Settings

    Passes = Callable[[Connection], bool]

MAX_KNOWN = 65536  # addresses whose answer is kept
MIN_PREFIX = 4  # characters of a container's ID
NO_SOURCE = {4: "0.0.0.0", 6: "::"}  # noqa: S104 (it is compared, not bound)
LIVE = "it is about what runs now"
BY_COLUMN = "--columns {column} shows what was recorded"
# Members of Settings that no recording answers: the option, why, and what does.
REFUSED = {
    "follow": ("-f", "who began whom was not recorded", "omit it"),
    "cgroups": ("--cgroup", LIVE, BY_COLUMN.format(column="cgroup")),
    "cgroupmap": ("--cgroupmap", LIVE, BY_COLUMN.format(column="cgroup_id")),
    "mntnsmap": ("--mntnsmap", LIVE, BY_COLUMN.format(column="mntns")),
}
# Members that it does, here or by a column.
ANSWERED = {
    *("pids uids netns comms not_comms containers not_containers").split(),
    *("ports not_ports to not_to from_ ip failed slower_ms").split(),
    *FILTERED,
}


class RecordedFilters:
    """Passes the events that all filters want: a stage.

    What is unknown of an event passes no filter. Of a lookup that failed, those by
    address and port want all, as in a trace. Raises UsageError for filters that a
    recording can't answer.
    """

    ended = False

    def __init__(self, settings: Settings) -> None:
        refuse_live({name: getattr(settings, name) for name in (*REFUSED, "netns")})
        for option in FILTERS:
            if option.member not in ANSWERED and getattr(settings, option.member):
                raise UsageError(
                    recorded_messages.NOT_OF_RECORDING,
                    option=option.flags[0],
                    reason="only a trace can",
                    remedy="omit it",
                )
        self._filters = [*_by_owner(settings), *_by_destination(settings)]
        self._filters += _by_end(settings)
        self._wanted = Wanted(settings) if settings.filtered else None

    def __call__(self, events: list[Connection]) -> list[Connection]:
        """Return those that are wanted."""
        for passes in self._filters:
            events = [event for event in events if passes(event)]
        return self._wanted(events) if self._wanted else events


def refuse_live(given: Mapping[str, Any]) -> None:
    """Refuse members of Settings that no recording answers. Raises UsageError."""
    for member, (option, reason, remedy) in REFUSED.items():
        if given.get(member):
            message = recorded_messages.NOT_OF_RECORDING
            raise UsageError(message, option=option, reason=reason, remedy=remedy)
    if any(isinstance(netns, str) for netns in given.get("netns", ())):
        raise UsageError(
            recorded_messages.NOT_OF_RECORDING,
            option="the name of a network namespace, or a PID in it",
            reason=LIVE,
            remedy="give its inode, which --columns netns shows",
        )


def _by_owner(settings: Settings) -> Iterator[Passes]:
    """Yield the filters that look at who connects."""
    pids, uids, netns = settings.pids, settings.uids, settings.netns
    comms, others = _shown(settings.comms), _shown(settings.not_comms)
    if pids:
        yield lambda event: event.pid in pids
    if uids:
        yield lambda event: event.uid in uids
    if netns:
        yield lambda event: event.netns in netns
    if comms:
        yield lambda event: event.comm in comms
    if others:
        yield lambda event: event.comm not in others
    if settings.containers:
        inside = is_container(settings.containers)
        yield lambda event: inside(event.container, event.container_id)
    if settings.not_containers:
        left_out = is_container(settings.not_containers)
        yield lambda event: not left_out(event.container, event.container_id)


def _shown(comms: Iterable[str]) -> frozenset[str]:
    """Return names of threads as they are recorded."""
    return frozenset(printable(os.fsencode(comm)) for comm in comms)


def is_container(names: Collection[str]) -> Callable[[str | None, str | None], bool]:
    """Return whether a container, by its name and its whole ID, is one of these.

    They are names, IDs, or prefixes of IDs.
    """
    prefixes = tuple(name for name in names if len(name) >= MIN_PREFIX)

    def matches(name: str | None, container_id: str | None) -> bool:
        if name in names or container_id in names:
            return True
        return container_id is not None and container_id.startswith(prefixes)

    return matches


def _by_destination(settings: Settings) -> Iterator[Passes]:
    """Yield the filters that look at addresses and ports.

    Where a program asked for another destination, that one will do, too.
    """
    ports, not_ports = settings.ports, settings.not_ports
    if ports:
        wanted = frozenset(ports).difference(not_ports)
        yield lambda e: e.dport in wanted or e.asked_port in wanted or e.event == LOOKUP
    elif not_ports:
        yield lambda e: e.dport not in not_ports and e.asked_port not in not_ports
    if settings.to:
        to = within(settings.to)
        yield lambda e: to(e.daddr) or to(e.asked) or e.event == LOOKUP
    if settings.not_to:
        not_to = within(settings.not_to)
        yield lambda e: not (not_to(e.daddr) or not_to(e.asked))
    if settings.from_:
        source = within(settings.from_)
        yield lambda e: source(_source(e)) or e.event == LOOKUP
    if ip := settings.ip:
        yield lambda e: version_of(e) == ip or e.event == LOOKUP


def within(
    networks: Collection[str | IPv4Network | IPv6Network],
) -> Callable[[str | None], bool]:
    """Return whether an address, by its text, is in one of these networks.

    These are as Settings has parsed them.
    """
    every = [
        (network.version, int(network.netmask), int(network.network_address))
        for network in networks
        if not isinstance(network, str)
    ]

    def look(address: str | None) -> bool:
        if address is None:
            return False
        version = 6 if ":" in address else 4
        try:
            raw = inet_pton(AF_INET6 if version == 6 else AF_INET, address)
        except (OSError, ValueError):  # anyone may have made a recording
            return False
        number = int.from_bytes(raw, "big")
        return any(v == version and number & mask == first for v, mask, first in every)

    return Memo(look, MAX_KNOWN).__getitem__


def version_of(event: Connection) -> int | None:
    """Return the IP version of an attempt, which its address has, too."""
    if event.ip is None and event.daddr is not None:
        return 6 if ":" in event.daddr else 4
    return event.ip


def _source(event: Connection) -> str | None:
    """Return the source, as the kernel has it where none was chosen."""
    return event.saddr or NO_SOURCE.get(version_of(event) or 0)


def _by_end(settings: Settings) -> Iterator[Passes]:
    """Yield the filters that look at how attempts end."""
    if settings.failed:
        yield lambda event: event.result not in {None, "OK"}
    if least := settings.slower_ms:
        yield lambda event: (_took_ms(event) or 0) >= least


def _took_ms(event: Connection) -> float | None:
    """Return what an attempt took, or a lookup that failed."""
    return event.dns_ms if event.event == LOOKUP else event.latency_ms


# Filters by what a recording may lack: the option, and the column that it looks at.
LOOKS_AT = {
    "pids": ("-p", "pid"),
    "comms": ("--comm", "comm"),
    "containers": ("--container", "container"),
    "units": ("--unit", "unit"),
    "pods": ("--pod", "pod"),
    "to_names": ("--to-name", "query"),
    "results": ("--result", "result"),
    "failed": ("--failed", "result"),
    "slower_ms": ("--slower", "latency_ms"),
}


class Unanswered:
    """The filters whose column no event has: why nothing passes them."""

    def __init__(self, settings: Settings) -> None:
        given = {n: x for n, x in LOOKS_AT.items() if getattr(settings, n)}
        self._left = {option: attrgetter(column) for option, column in given.values()}
        self._columns = dict(given.values())
        self._seen = False

    def look(self, events: list[Connection]) -> None:
        """Look for values in events, before they are filtered."""
        self._seen = True
        for option, value in [*self._left.items()]:
            if any(value(event) is not None for event in events):
                del self._left[option]

    def warnings(self) -> Iterator[Line]:
        """Yield a line for each filter that can't be answered."""
        for option in self._left if self._seen else ():
            message, column = recorded_messages.UNANSWERED, self._columns[option]
            yield message.line(option=option, column=column)
