"""Which container a cgroup belongs to, told by the cgroup's path alone."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from tcpconnect.enrich.systemd import unescape
from tcpconnect.machine.cgroup import MAX_LEVELS

ID = "[0-9a-f]{64}"


class Container(NamedTuple):
    """A container: the runtime that made it, its whole ID, its name if the path has it.

    Runtimes that know their containers by name only have the name as ID, too.
    """

    runtime: str
    id: str
    name: str | None


# The directory that a runtime makes for a container, with systemd or without, by the
# last names of its path, as many as are given: its own name, or what stands above a
# name that is the bare ID. Their helpers beside it are no containers (libpod-conmon-,
# lxc.monitor.), machine-qemu is a virtual machine. To search the whole path with each
# pattern would take seconds where users make a thousand cgroups in each other.
_IN_PODS = 0  # only the last name counts, and that it is below a kubepods
_MOST = 3
_DIRECTORIES = [
    (names, re.compile(pattern), runtime)
    for names, pattern, runtime in (
        (1, rf"docker-(?P<id>{ID})\.scope", "docker"),
        (2, rf"docker/(?P<id>{ID})", "docker"),
        (3, rf"ecs/[^/]+/(?P<id>{ID})", "docker"),
        (1, rf"libpod-(?:payload-)?(?P<id>{ID})(?:\.scope)?", "podman"),
        (
            1,
            rf"(?:[^/]*:)?cri-containerd[-:](?P<id>{ID})(?:\.scope)?",
            "containerd",
        ),
        (1, rf"nerdctl-(?P<id>{ID})\.scope", "containerd"),
        (2, rf"(?:k8s\.io|default)/(?P<id>{ID})", "containerd"),
        (1, rf"crio-(?P<id>{ID})(?:\.scope)?", "cri-o"),
        (_IN_PODS, rf"(?P<id>{ID})", "containerd"),
        (1, r"lxc\.payload\.(?P<name>[^/]+)", "lxc"),
        (2, r"lxc/(?P<name>[^/]+)", "lxc"),  # before LXC 4
        (1, r"machine-lxc\\x2d\d+\\x2d(?P<name>[^/]+)\.scope", "lxc"),  # libvirt's
        (1, r"machine-(?!(?:qemu|lxc)\\x2d)(?P<name>[^/]+)\.scope", "systemd-nspawn"),
        (1, r"systemd-nspawn@(?P<name>[^/]+)\.service", "systemd-nspawn"),
    )
]


@lru_cache(maxsize=4096)
def parse(cgroup_path: str) -> Container | None:
    """Return the innermost container that a cgroup path lies in, None outside of all.

    The path is that of cgroup v2 or v1, such as ``/docker/<id>/init.scope``, with or
    without where the hierarchy is mounted.
    """
    names = cgroup_path.rstrip("/").split("/", MAX_LEVELS + 1)[: MAX_LEVELS + 1]
    pods = next((i for i, n in enumerate(names) if n.startswith("kubepods")), None)
    for end in range(len(names), 0, -1):
        last = names[max(end - _MOST, 0) : end]
        found = _container(last, in_pods=pods is not None and pods < end - 1)
        if found:
            return found
    return None


def own(cgroup_path: str) -> Container | None:
    """Return the container that this cgroup itself was made for, None else."""
    *above, name = cgroup_path.rstrip("/").split("/")
    if len(above) > MAX_LEVELS:
        return None
    in_pods = any(each.startswith("kubepods") for each in above)
    return _container([*above[1 - _MOST :], name], in_pods=in_pods)


def _container(last: list[str], *, in_pods: bool) -> Container | None:
    """Return the container whose own cgroup this is, by the last names of its path."""
    ends = [last[-1], *("/".join(last[-count:]) for count in range(1, _MOST + 1))]
    for names, pattern, runtime in _DIRECTORIES:
        if names == _IN_PODS and not in_pods:
            continue
        if matched := pattern.fullmatch(ends[names]):
            found = matched.groupdict()
            if "id" in found:
                return Container(runtime, found["id"], None)
            name = unescape(found["name"])
            return Container(runtime, name, name)
    return None
