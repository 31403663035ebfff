"""Which container a cgroup belongs to, told by the cgroup's path alone."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

ID = "[0-9a-f]{64}"


class Container(NamedTuple):
    """A container: the runtime that made it, its whole ID, its name if the path has it.

    Runtimes that know their containers by name only have the name as ID, too.
    """

    runtime: str
    id: str
    name: str | None


# The directory that a runtime makes for a container, with systemd or without: its name,
# or what stands above a name that is the bare ID. Their helpers beside it are no
# containers (libpod-conmon-, lxc.monitor.), machine-qemu is a virtual machine.
_DIRECTORIES = [
    (re.compile(rf"(?:.*/)?{pattern}"), runtime)
    for pattern, runtime in (
        (rf"docker-(?P<id>{ID})\.scope", "docker"),
        (rf"docker/(?P<id>{ID})", "docker"),
        (rf"ecs/[^/]+/(?P<id>{ID})", "docker"),
        (rf"libpod-(?:payload-)?(?P<id>{ID})(?:\.scope)?", "podman"),
        (rf"(?:[^/]*:)?cri-containerd[-:](?P<id>{ID})(?:\.scope)?", "containerd"),
        (rf"nerdctl-(?P<id>{ID})\.scope", "containerd"),
        (rf"(?:k8s\.io|default)/(?P<id>{ID})", "containerd"),
        (rf"crio-(?P<id>{ID})(?:\.scope)?", "cri-o"),
        (rf"kubepods[^/]*/(?:.*/)?(?P<id>{ID})", "containerd"),
        (r"lxc\.payload\.(?P<name>[^/]+)", "lxc"),
        (r"lxc/(?P<name>[^/]+)", "lxc"),  # before LXC 4
        (r"machine-lxc\\x2d\d+\\x2d(?P<name>[^/]+)\.scope", "lxc"),  # libvirt's
        (r"machine-(?!(?:qemu|lxc)\\x2d)(?P<name>[^/]+)\.scope", "systemd-nspawn"),
        (r"systemd-nspawn@(?P<name>[^/]+)\.service", "systemd-nspawn"),
    )
]
_ESCAPED = re.compile(r"\\x([0-9a-f]{2})")


@lru_cache(maxsize=4096)
def parse(cgroup_path: str) -> Container | None:
    """Return the innermost container that a cgroup path lies in, None outside of all.

    The path is that of cgroup v2 or v1, such as ``/docker/<id>/init.scope``, with or
    without where the hierarchy is mounted.
    """
    path = cgroup_path.rstrip("/")
    while path:
        found = _container(path)
        if found:
            return found
        path = path.rpartition("/")[0]
    return None


def _container(path: str) -> Container | None:
    """Return the container whose own cgroup this is."""
    for pattern, runtime in _DIRECTORIES:
        if matched := pattern.fullmatch(path):
            found = matched.groupdict()
            if "id" in found:
                return Container(runtime, found["id"], None)
            name = _unescaped(found["name"])
            return Container(runtime, name, name)
    return None


def _unescaped(name: str) -> str:
    r"""Return the name that systemd has written with ``\x2d`` and the like."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), name)
