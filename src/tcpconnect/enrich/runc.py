"""Containers of plain runc, which its state files tell of: their cgroups do not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from tcpconnect.enrich.container import Container
from tcpconnect.enrich.container_names import read
from tcpconnect.enrich.runtimes import RUNC

if TYPE_CHECKING:
    from collections.abc import Iterator

# Where runc expects cgroup v2, alone or beside v1, and each hierarchy of v1.
_V2 = re.compile("/sys/fs/cgroup(?:/unified)?(?=/)")
_V1 = re.compile("/sys/fs/cgroup/[^/]+(?=/)")


class State(msgspec.Struct):
    """Of state.json. A cgroup is by its controller; that of v2 has an empty name."""

    id: str
    pid: int = msgspec.field(name="init_process_pid", default=0)
    started: int = msgspec.field(name="init_process_start", default=0)
    cgroup_paths: dict[str, str] = {}

    @property
    def container(self) -> Container:
        """What it is: runc knows containers by the names that users give them."""
        return Container("runc", self.id, self.id)

    @property
    def directory(self) -> str:
        """Where its cgroup of v2 is mounted, empty when it has none."""
        return self.cgroup_paths.get("", "")

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
    """Yield the states of all containers below ``root``."""
    return read(f"{root}/{RUNC}/*/state.json", State)


def container_of(path: str, legacy: str, root: str = "/") -> Container | None:
    """Return the container that cgroups of v2 and of v1 lie in, None outside of all."""
    return next((s.container for s in states(root) if s.has(path, legacy)), None)
