"""The owner of a container's cgroup: the user who could create it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from tcpconnect.enrich.container import own, parse
from tcpconnect.enrich.files import ROOT
from tcpconnect.machine.cgroup import MAX_LEVELS

if TYPE_CHECKING:
    from collections.abc import Collection

A_CONTAINER = -1  # whose root is not root of the machine
_USERS = re.compile(r"/user\.slice/user-(\d+)\.slice/.*")


def owner_of(path: str, mounts: Collection[str]) -> int:
    """Return the user in whose directory a container's cgroup was created.

    A cgroup in another container's may have any name: its owner is A_CONTAINER.
    ``path`` is of a cgroup in or below it, ``mounts`` are of its hierarchies.
    When that directory is gone, systemd's slice for a user counts, else the nearest
    directory above it that exists.
    """
    above = "/".join(path.split("/", MAX_LEVELS + 1)[: MAX_LEVELS + 1])
    while above.strip("/") and not own(above):
        above = os.path.dirname(above)
    above = os.path.dirname(above)
    if parse(above):
        return A_CONTAINER
    uid = _uid(above, mounts)
    if uid is None and (matched := _USERS.fullmatch(f"{above}/")):
        return int(matched[1])
    while uid is None and above.strip("/"):
        above = os.path.dirname(above)
        uid = _uid(above, mounts)
    return ROOT if uid is None else uid


def _uid(directory: str, mounts: Collection[str]) -> int | None:
    """Return the owner of a cgroup; if hierarchies differ, the one that is not root."""
    uids = set()
    for mount in mounts:
        try:
            uids.add(os.stat(f"{mount}{directory}").st_uid)
        except (OSError, ValueError):  # it is gone, or nothing that the kernel has
            continue
    return max(uids, default=None)
