"""Finds the cgroups and containers that filters name."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from tcpconnect import messages
from tcpconnect.errors import UsageError, did_you_mean
from tcpconnect.machine import cgroup
from tcpconnect.machine.cgroup import MAX_LEVELS
from tcpconnect.places import Cgroup, Targets

if TYPE_CHECKING:
    from collections.abc import Iterable

PATH_MAX = 4096  # include/uapi/linux/limits.h
SHOWN = 80
CGROUP_NAMESPACE = "/proc/self/ns/cgroup"
# include/linux/proc_ns.h: PROC_CGROUP_INIT_INO.
INITIAL_CGROUP_NAMESPACE = 0xEFFFFFFB


def targets_of(
    cgroups: Iterable[str], containers: Iterable[str], not_containers: Iterable[str]
) -> Targets:
    """Find cgroups by their paths, and containers by their names or IDs.

    Raises UsageError for one that does not exist.
    """
    found = frozenset(_cgroup(find(path)) for path in cgroups)
    return Targets(found, *_containers(containers), *_containers(not_containers))


def _containers(names: Iterable[str]) -> tuple[frozenset[Cgroup], frozenset[str]]:
    """Return the cgroups of containers, and the mount namespaces of others."""
    if not names:
        return frozenset(), frozenset()
    from tcpconnect.containers import Running, select

    chosen: list[Running] = select(names)
    return (
        frozenset(_cgroup(path) for running in chosen for path in running.paths),
        frozenset(mntns for running in chosen for mntns in running.mntnses),
    )


def find(path: str) -> str:
    """Return the directory of a cgroup, by its path below the mount of cgroup v2.

    The path may be relative, include the mount, or be as in /proc/PID/cgroup.
    """
    mount = os.fsdecode(cgroup.mount_point())
    if not mount:
        raise UsageError(messages.NO_CGROUP_V2, path=path)
    if len(os.fsencode(path)) >= PATH_MAX:  # resolving it takes quadratic time
        reason = os.strerror(errno.ENAMETOOLONG)
        raise UsageError(messages.LONG_CGROUP_PATH, path=path[:SHOWN], reason=reason)
    below = path if _in(path, mount) else f"{mount}/{path}"
    directory = os.path.realpath(below)
    if path and _in(directory, mount) and os.path.isdir(directory):
        return directory
    hierarchies = [v1 for v1 in cgroup.v1_mount_points() if _is_in_v1(path, v1)]
    if hierarchies:
        message, mounts = messages.CGROUP_OF_V1, ", ".join(hierarchies)
        raise UsageError(message, path=path, mounts=mounts, remedy=cgroup.ONLY_V2)
    near = _near(path, mount)
    raise UsageError(messages.NO_CGROUP, path=path, mount=mount, near=near)


def _in(path: str, mount: str) -> bool:
    return path == mount or path.startswith(f"{mount}/")


def _is_in_v1(path: str, mount: str) -> bool:
    directory = os.path.realpath(path if _in(path, mount) else f"{mount}/{path}")
    return path != "" and _in(directory, mount) and os.path.isdir(directory)


def _near(path: str, mount: str) -> str:
    every = [directory.lstrip("/") for directory in cgroup.directories(mount)]
    wanted = path.removeprefix(mount).strip("/")
    same = [known for known in every if known.rpartition("/")[2] == wanted]
    return did_you_mean(same[0] if same else wanted, every)


def _cgroup(directory: str) -> Cgroup:
    """Return the ID of a directory: its inode, since v5.5 on 64-bit machines.

    In a cgroup namespace, its depth below the machine's root is unknown.
    """
    level = directory.removeprefix(os.fsdecode(cgroup.mount_point())).count("/")
    if os.stat(CGROUP_NAMESPACE).st_ino == INITIAL_CGROUP_NAMESPACE:
        levels = range(level, level + 1)
    else:
        levels = range(level, MAX_LEVELS)
    if level >= MAX_LEVELS:
        message, limit = messages.DEEP_CGROUP, MAX_LEVELS
        raise UsageError(message, path=directory, level=level, limit=limit)
    return Cgroup(os.stat(directory).st_ino, levels)
