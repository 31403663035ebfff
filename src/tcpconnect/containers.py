"""Running containers: where the kernel sees them, and how they are selected."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, TypeAlias

from tcpconnect import messages
from tcpconnect.enrich.container import Container, own, parse
from tcpconnect.enrich.container_names import name_of, unreadable
from tcpconnect.enrich.files import ROOT
from tcpconnect.enrich.owner import owner_of
from tcpconnect.enrich.runc import states
from tcpconnect.errors import UsageError, did_you_mean
from tcpconnect.machine import capabilities, cgroup
from tcpconnect.machine.processes import opened, pids

if TYPE_CHECKING:
    from collections.abc import Iterable

MIN_PREFIX = 4
SHORT_ID = 12
MANY_NAMES = 8


Known: TypeAlias = "dict[tuple[Container, int], Running]"


class Running:
    """A container: its directories in cgroup v2, or else its mount namespaces.

    A mount namespace that it shares with the machine is left out: it is ambiguous.
    """

    def __init__(self, container: Container, owner: int) -> None:
        self.id = container.id
        self.owner = owner
        self.name = name_of(container, owner=owner)
        self.id_is_name = container.name is not None
        self.paths: set[str] = set()
        self.mntnses: set[str] = set()

    @property
    def short(self) -> str:
        """Its name, or a short ID."""
        return self.name or self.id[:SHORT_ID]

    def begins_with(self, text: str) -> bool:
        """Whether its ID begins with this; names have no prefixes."""
        long_enough = len(text) >= MIN_PREFIX
        return long_enough and not self.id_is_name and self.id.startswith(text)


def select(names: Iterable[str]) -> list[Running]:
    """Return the containers with these names, IDs or ID prefixes.

    Raises UsageError if there is none, or if a prefix is ambiguous.
    """
    every = find_all()
    return [found for name in names for found in _select(name, every)]


def _select(name: str, every: list[Running]) -> list[Running]:
    found = [r for r in every if name in {r.name, r.id}]
    found = found or [r for r in every if r.begins_with(name)]
    # Users can have containers of any name, and cgroups that look like any container's.
    found = [r for r in found if r.owner == ROOT] or found
    if not found:
        raise _unknown(name, every)
    if len({r.id for r in found}) > 1 and all(r.name != name for r in found):
        ids = ", ".join(r.id[:SHORT_ID] for r in found)
        raise UsageError(messages.AMBIGUOUS_CONTAINER, name=name, ids=ids)
    for each in found:
        if not (each.paths or each.mntnses):
            raise _no_filter(name)
    return found


def _no_filter(name: str) -> UsageError:
    reason = "it has neither a cgroup of v2 nor a mount namespace of its own"
    remedy = cgroup.ONLY_V2
    if lacking := capabilities.lacking("CAP_SYS_PTRACE"):
        reason, remedy = capabilities.missing(lacking)
    message = messages.UNFILTERED_CONTAINER
    return UsageError(message, name=name, reason=reason, remedy=remedy)


def _unknown(name: str, every: list[Running]) -> UsageError:
    reason = "" if every else "no running container was found"
    if len(name) < MIN_PREFIX and any(r.id.startswith(name) for r in every):
        reason = f"an ID prefix needs at least {MIN_PREFIX} characters"
    if unread := unreadable():
        reason = f"can't read their names in {', '.join(unread)}"
    known = {word for r in every for word in (r.short, r.id[:SHORT_ID])}
    near = did_you_mean(name, known) or _running(every)
    return UsageError(messages.NO_CONTAINER, name=name, reason=reason, near=near)


def _running(every: list[Running]) -> str:
    """Return the names of some containers, those of root."""
    names = sorted({running.short for running in every if running.owner == ROOT})
    shown = ", ".join(names[:MANY_NAMES]) + ", …" * (len(names) > MANY_NAMES)
    return messages.CONTAINERS_RUN.format(names=shown) if names else ""


def find_all() -> list[Running]:
    """Return the containers of all cgroups of this machine."""
    found: Known = {}
    mount = os.fsdecode(cgroup.mount_point())
    for path in cgroup.directories(mount) if mount else ():
        container = own(path)
        if container and container != parse(os.path.dirname(path)):
            owner = owner_of(path, [mount])
            _known(found, container, owner).paths.add(mount + path)
    _add_from_v1(found, mount)
    _add_from_runc(found, mount)
    return list(found.values())


def _add_from_runc(found: Known, mount: str) -> None:
    """Add the containers of plain runc, whose cgroups may have any path.

    Those of runtimes that use runc are known by their paths.
    """
    for state in states():
        if any(map(parse, state.cgroup_paths.values())):
            continue
        unified = state.cgroup_paths.pop("", "")
        if mount and unified.startswith(f"{mount}/") and os.path.isdir(unified):
            _known(found, state.container, ROOT).paths.add(unified)
        elif mntnses := _mntnses_in(state.cgroup_paths.values()):
            _known(found, state.container, ROOT).mntnses |= mntnses


def _mntnses_in(directories: Iterable[str]) -> set[str]:
    """Return the mount namespaces of processes in these cgroups, except ours."""
    found = set()
    for directory in directories:
        with contextlib.suppress(OSError), open(f"{directory}/cgroup.procs") as file:
            found |= {mntns for pid in file if (mntns := _other_mntns(int(pid)))}
    return found


def _other_mntns(pid: int) -> str:
    """Return the path of a process's mount namespace, nothing where it is ours."""
    path = f"/proc/{pid}/ns/mnt"
    ours = os.stat("/proc/self/ns/mnt").st_ino
    with contextlib.suppress(OSError):  # it has ended
        return path if os.stat(path).st_ino != ours else ""
    return ""


def _add_from_v1(found: Known, mount: str) -> None:
    """Add the containers that are in hierarchies of cgroup v1 only, by their processes.

    They are identified by the mount namespaces of their processes.
    """
    mounts = [mount, *cgroup.v1_mount_points()]
    for pid in pids():
        # An error: it has ended.
        with contextlib.suppress(OSError), opened(pid) as process:
            path, container = _container_of(process)
            if container:
                known = _known(found, container, owner_of(path, mounts))
                if not known.paths:
                    known.mntnses |= {_other_mntns(pid)} - {""}


def _known(found: Known, container: Container, owner: int) -> Running:
    if (container, owner) not in found:
        found[container, owner] = Running(container, owner)
    return found[container, owner]


def _container_of(process: int) -> tuple[str, Container | None]:
    fd = os.open("cgroup", os.O_RDONLY | os.O_CLOEXEC, dir_fd=process)
    with open(fd, encoding="utf-8", errors="surrogateescape") as lines:
        return container_in(lines)


def container_in(lines: Iterable[str]) -> tuple[str, Container | None]:
    """Return the container that a process is in, and the cgroup path that shows it.

    The lines are those of cgroups(7): a hierarchy's ID, its controllers, the path.
    """
    for line in lines:
        path = line.rstrip("\n").split(":", 2)[-1]
        if container := parse(path):
            return path, container
    return "", None
