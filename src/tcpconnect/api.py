"""``trace()``: the Python API, which the command uses, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.errors import UsageError
from tcpconnect.settings import BASICS, NAME_SOURCES, RING_BYTES, Places, Settings
from tcpconnect.tracer import Trace

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Network, IPv6Network

    Network = str | IPv4Network | IPv6Network


def _networks(values: Iterable[Network]) -> frozenset[IPv4Network | IPv6Network]:
    if not values:
        return frozenset()
    from argparse import ArgumentTypeError

    from tcpconnect.filters import network

    try:
        return frozenset(network(str(value)) for value in values)
    except ArgumentTypeError as error:
        raise UsageError(str(error)) from error


def _places(cgroups: Iterable[str], containers: Iterable[str]) -> Places:
    if not (cgroups or containers):
        return Places()
    from tcpconnect.places import places_of

    return places_of(cgroups, containers)


def trace(
    *,
    pids: Iterable[int] = (),
    uids: Iterable[int] = (),
    ports: Iterable[int] = (),
    not_ports: Iterable[int] = (),
    ip: int = 0,
    to: Iterable[Network] = (),
    not_to: Iterable[Network] = (),
    from_: Iterable[Network] = (),
    comms: Iterable[str] = (),
    netns: Iterable[int] = (),
    cgroups: Iterable[str] = (),
    containers: Iterable[str] = (),
    follow: bool = False,
    cgroupmap: str | None = None,
    mntnsmap: str | None = None,
    lport: bool = False,
    result: bool = False,
    failed: bool = False,
    slower_ms: float = 0.0,
    count: bool = False,
    dns: bool = False,
    dns_latency: bool = False,
    name_sources: Iterable[str] = NAME_SOURCES,
    max_names: int = 10_240,
    names_ttl_s: float = 24 * 3600.0,
    details: Iterable[str] = (),
    basics: Iterable[str] = BASICS,
    duration: float | None = None,
    ring_bytes: int = RING_BYTES,
    verbose: bool = False,
) -> Trace:
    """Trace the TCP connection attempts of this machine.

    Args:
        pids: only these processes (thread group IDs); empty: all.
        uids: only these user IDs; empty: all.
        ports: only these destination ports; empty: all.
        not_ports: none of these destination ports.
        ip: 4 or 6: only this version on the wire; 0: both.
        to: only destinations in these networks (texts, or networks of ``ipaddress``;
            one of IPv6 that is IPv4-mapped is one of IPv4).
        not_to: no destinations in these networks.
        from_: only source addresses in these networks.
        comms: only threads of these names, of up to 15 bytes.
        netns: only sockets of these network namespaces, by their inode numbers.
        cgroups: only processes in these cgroups and below, by paths from where cgroup
            v2 is mounted.
        containers: only these containers, by name, ID or the beginning of an ID.
        follow: ``pids`` are followed: their children are traced, too, and so on. The
            iteration ends when all have ended.
        cgroupmap: path of a pinned BPF hash map, key u64 and value u64: only the
            cgroups whose IDs are its keys.
        mntnsmap: the same for inodes of mount namespaces, key u64 and value u32.
        lport: hold each event until its source port is known.
        result: hold each event until its attempt has ended; ``latency_ms`` and
            ``result`` are then set.
        failed: only attempts that did not end OK; implies ``result``.
        slower_ms: only attempts that took as many milliseconds; implies ``result``.
        count: count per flow in the kernel, for ``flows()``; no events.
        dns: seek the names of destinations: ``query`` and its companions are set.
        dns_latency: also how long the program waited for it, ``dns_ms``.
        name_sources: where names are seen: "dns" (port 53), "libc" (getaddrinfo).
        max_names: keep the names of so many addresses, in 4,800 bytes each on average.
        names_ttl_s: forget a name after so many seconds.
        details: what to tell of each process: "ppid", "exe", "cmdline", "cgroup",
            "container", "container_id", "runtime", "unit", "pod", "pod_uid", "mntns".
        basics: which to read of "comm", "uid", "netns" and "cgroup_id"; the others may
            be empty or 0. Each of them costs every connect some time in the kernel.
        duration: seconds until the trace stops by itself; None: never.
        ring_bytes: room between kernel and this process, a power of two.
        verbose: let libbpf write its log to stderr.

    Raises:
        PreflightError: this machine can't trace, with all reasons.
        KernelError: the kernel refused.
        UsageError: a value that makes no sense.
    """
    settings = Settings(
        pids=frozenset(pids),
        uids=frozenset(uids),
        ports=frozenset(ports),
        not_ports=frozenset(not_ports),
        ip=ip,
        to=_networks(to),
        not_to=_networks(not_to),
        from_=_networks(from_),
        comms=frozenset(comms),
        netns=frozenset(netns),
        places=_places(cgroups, containers),
        follow=follow,
        cgroupmap=cgroupmap,
        mntnsmap=mntnsmap,
        lport=lport,
        result=result,
        failed=failed,
        slower_ms=slower_ms,
        count=count,
        dns=dns,
        dns_latency=dns_latency,
        name_sources=frozenset(name_sources),
        max_names=max_names,
        names_ttl_s=names_ttl_s,
        details=frozenset(details),
        basics=frozenset(basics),
        ring_bytes=ring_bytes,
        verbose=verbose,
    )
    return Trace(settings, duration)
