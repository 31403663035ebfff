"""The cgroups and containers that filters name: found on this machine."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from tcpconnect.errors import UsageError, did_you_mean
from tcpconnect.machine import cgroup
from tcpconnect.machine.cgroup import MAX_LEVELS
from tcpconnect.settings import Cgroup, Targets

if TYPE_CHECKING:
    from collections.abc import Iterable

PATH_MAX = 4096  # include/uapi/linux/limits.h
SHOWN, CUT = 80, "…"
CGROUP_NAMESPACE = "/proc/self/ns/cgroup"
# include/linux/proc_ns.h: PROC_CGROUP_INIT_INO.
INITIAL_CGROUP_NAMESPACE = 0xEFFFFFFB


def targets_of(cgroups: Iterable[str], containers: Iterable[str]) -> Targets:
    """Find cgroups by their paths, and containers by their names or IDs.

    Raises UsageError for one that is not there.
    """
    found = frozenset(_cgroup(find(path)) for path in cgroups)
    if not containers:
        return Targets(found)
    from tcpconnect.containers import Running, select

    chosen: list[Running] = select(containers)
    return Targets(
        found,
        frozenset(_cgroup(path) for running in chosen for path in running.paths),
        frozenset(mntns for running in chosen for mntns in running.mntnses),
    )


def find(path: str) -> str:
    """Return the directory of a cgroup, by a path below where cgroup v2 is mounted.

    It may be relative to that, begin with it, or be as /proc/PID/cgroup shows it.
    """
    mount = os.fsdecode(cgroup.mount_point())
    if not mount:
        remedy = "mount it: mount -t cgroup2 none /sys/fs/cgroup"
        raise UsageError(f"no cgroup {path!r}", "cgroup v2 is not mounted", remedy)
    if len(os.fsencode(path)) >= PATH_MAX:  # to follow it takes quadratic time
        reason = os.strerror(errno.ENAMETOOLONG)
        raise UsageError(f"no cgroup {path[:SHOWN] + CUT!r}", reason)
    below = path if _in(path, mount) else f"{mount}/{path}"
    directory = os.path.realpath(below)
    if path and _in(directory, mount) and os.path.isdir(directory):
        return directory
    hierarchies = [v1 for v1 in cgroup.v1_mount_points() if _is_in_v1(path, v1)]
    if hierarchies:
        where = f"it is of cgroup v1 ({', '.join(hierarchies)})"
        raise UsageError(f"no cgroup {path!r} of v2", where, cgroup.ONLY_V2)
    raise UsageError(f"no cgroup {path!r} in {mount}", "", _near(path, mount))


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

    In a cgroup namespace, nobody can tell how far below the machine's root it is.
    """
    level = directory.removeprefix(os.fsdecode(cgroup.mount_point())).count("/")
    if os.stat(CGROUP_NAMESPACE).st_ino == INITIAL_CGROUP_NAMESPACE:
        levels = range(level, level + 1)
    else:
        levels = range(level, MAX_LEVELS)
    if level >= MAX_LEVELS:
        limit = f"it is {level} levels deep; the kernel's program knows {MAX_LEVELS}"
        raise UsageError(f"no filter for cgroup {directory!r}", limit)
    return Cgroup(os.stat(directory).st_ino, levels)
