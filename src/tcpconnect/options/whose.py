"""Options that choose attempts by who makes them."""

from __future__ import annotations

from tcpconnect.arguments import (
    CGROUPMAP,
    CGROUPS,
    COMMS,
    CONTAINERS,
    MNTNSMAP,
    NETNS,
    PIDS,
    PODS,
    UIDS,
    UNITS,
)
from tcpconnect.options.option import Option

WHOSE = (
    Option(
        ("-p", "--pid"),
        "pids",
        "trace this PID only, or a comma-separated list",
        PIDS,
        repeats=True,
    ),
    Option(
        ("-f", "--follow"),
        "follow",
        "with -p: trace all descendants of these processes, too; "
        "stop when all have ended",
    ),
    Option(
        ("-u", "--uid"),
        "uids",
        "trace this UID only, or a comma-separated list; user names, too",
        UIDS,
        repeats=True,
    ),
    Option(
        ("--comm",),
        "comms",
        "trace threads of this name only, or a comma-separated list",
        COMMS,
        repeats=True,
    ),
    Option(
        ("--not-comm",),
        "not_comms",
        "exclude threads of these names",
        COMMS,
        repeats=True,
    ),
    Option(
        ("--container",),
        "containers",
        "trace this running container only: its name, or a prefix of its ID",
        CONTAINERS,
        repeats=True,
    ),
    Option(
        ("--not-container",),
        "not_containers",
        "exclude these running containers",
        CONTAINERS,
        repeats=True,
    ),
    Option(
        ("--pod",),
        "pods",
        "trace this pod only: its name, or namespace/name; wildcards: 'shop/web-*'",
        PODS,
        repeats=True,
    ),
    Option(
        ("--unit",),
        "units",
        "trace this systemd unit only; wildcards; .service may be left out",
        UNITS,
        repeats=True,
    ),
    Option(
        ("--cgroup",),
        "cgroups",
        "trace this cgroup and all below it only; PATH is below the cgroup v2 mount",
        CGROUPS,
        repeats=True,
    ),
    Option(
        ("--netns",),
        "netns",
        "trace this network namespace only: a name of ip-netns, a PID, or an inode",
        NETNS,
        repeats=True,
    ),
    Option(
        ("--cgroupmap",),
        "cgroupmap",
        "trace cgroups in this BPF map only (docs/special_filtering.md)",
        CGROUPMAP,
    ),
    Option(
        ("--mntnsmap",),
        "mntnsmap",
        "trace mount namespaces in this BPF map only (docs/special_filtering.md)",
        MNTNSMAP,
    ),
)
