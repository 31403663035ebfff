"""Where to trace: cgroups and containers that were found."""

from __future__ import annotations

import msgspec


class Cgroup(msgspec.Struct, frozen=True):
    """A cgroup of v2: its ID, and at which levels below the root it may be."""

    id: int
    levels: range


class Targets(msgspec.Struct, frozen=True):
    """Where to trace, and where not.

    These are cgroups, containers' cgroups, and containers' mount namespaces: those of
    containers that are not in cgroup v2, as paths in /proc, one for each of their
    processes.
    """

    cgroups: frozenset[Cgroup] = frozenset()
    containers: frozenset[Cgroup] = frozenset()
    mntnses: frozenset[str] = frozenset()
    not_containers: frozenset[Cgroup] = frozenset()
    not_mntnses: frozenset[str] = frozenset()

    @property
    def of_containers(self) -> bool:
        """Whether containers are filtered."""
        return bool(self.containers or self.mntnses)

    @property
    def but_containers(self) -> bool:
        """Whether containers are left out."""
        return bool(self.not_containers or self.not_mntnses)

    @property
    def levels(self) -> list[int]:
        """All levels at which the cgroups may be."""
        every = self.cgroups | self.containers | self.not_containers
        return sorted({level for cgroup in every for level in cgroup.levels})


EVERYWHERE = Targets()
