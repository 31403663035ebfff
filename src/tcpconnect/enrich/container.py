"""The container that a cgroup belongs to, derived from the cgroup's path alone."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from tcpconnect.enrich.systemd import unescape
from tcpconnect.machine.cgroup import MAX_LEVELS

ID = "[0-9a-f]{64}"


class Container(NamedTuple):
    """A container: its runtime, its full ID, and its name if the path has it.

    For runtimes that only have names, the ID is the name.
    """

    runtime: str
    id: str
    name: str | None


# The directory that a runtime creates for a container, with or without systemd, by the
# last names of its path, as many as given: its own name, or its parent's if its own is
# the bare ID. Helpers next to it are not containers (libpod-conmon-, lxc.monitor.);
# machine-qemu is a virtual machine. Searching the whole path with each pattern would
# take seconds when users create a thousand nested cgroups.
_IN_PODS = 0  # only the last name counts, if it is below a kubepods
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
    """Return the innermost container on a cgroup path, None if there is none.

    The path in cgroup v2 or v1, such as ``/docker/<id>/init.scope``, may include the
    mount point.
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
    """Return the container of which this is the top cgroup, or None."""
    *above, name = cgroup_path.rstrip("/").split("/")
    if len(above) > MAX_LEVELS:
        return None
    in_pods = any(each.startswith("kubepods") for each in above)
    return _container([*above[1 - _MOST :], name], in_pods=in_pods)


def _container(last: list[str], *, in_pods: bool) -> Container | None:
    """Return the container of which this is the top cgroup, by its last names."""
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
