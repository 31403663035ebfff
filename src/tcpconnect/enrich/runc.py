"""Containers of plain runc, from the files that it keeps of their state."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from tcpconnect.enrich.container import Container
from tcpconnect.enrich.container_names import read
from tcpconnect.enrich.runtimes import RUNC_STATES

if TYPE_CHECKING:
    from collections.abc import Iterator


# Where runc expects cgroup v2, alone or beside v1, and each hierarchy of v1.
_V2 = re.compile("/sys/fs/cgroup(?:/unified)?(?=/)")
_V1 = re.compile("/sys/fs/cgroup/[^/]+(?=/)")


class State(msgspec.Struct):
    """Of state.json: the name that the user gave, and the directories of its cgroups.

    They are by controller of cgroup v1; that of cgroup v2 is under an empty name.
    """

    id: str
    cgroup_paths: dict[str, str] = {}

    @property
    def container(self) -> Container:
        """What it is: runc knows containers by the names that users give them."""
        return Container("runc", self.id, self.id)

    def has(self, path: str, legacy: str) -> bool:
        """Whether a path in cgroup v2, or one in v1, is its own or below that."""
        return any(
            _is_in(legacy, _V1.sub("", known, count=1))
            if controller
            else _is_in(path, _V2.sub("", known, count=1))
            for controller, known in self.cgroup_paths.items()
        )


def _is_in(path: str, container: str) -> bool:
    return len(container) > 1 and f"{path}/".startswith(f"{container}/")


def states(root: str = "/") -> Iterator[State]:
    """Yield the containers below ``root``, those of runtimes that use runc, too."""
    yield from read(RUNC_STATES, State, root)


def container_of(path: str, legacy: str, root: str = "/") -> Container | None:
    """Return the container that cgroups of v2 and of v1 lie in, None outside of all."""
    return next((s.container for s in states(root) if s.has(path, legacy)), None)
