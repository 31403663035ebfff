"""Where a process runs, derived from its cgroup: container, unit, pod."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tcpconnect.enrich import kubelet, pod, runc
from tcpconnect.enrich.container import parse
from tcpconnect.enrich.container_names import name_of
from tcpconnect.enrich.files import ROOT
from tcpconnect.enrich.owner import owner_of
from tcpconnect.enrich.systemd import unescape
from tcpconnect.image import Place
from tcpconnect.machine.hostname import host_name
from tcpconnect.output import harmless

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_PLACES = 8192
MAX_UNNAMED = 1024  # that are looked at again
SHORT = 12  # digits of a short ID

# The units that have cgroups, except slices, which only group others.
UNIT = re.compile(r".+\.(?:service|scope|socket|mount|swap)")


class Places:
    """The places of cgroups; what runtimes' files say is read once for each.

    ``root`` is the directory with the files; ``unified`` and ``legacy`` have the mounts
    of hierarchies of cgroup v2 and v1.
    """

    def __init__(
        self, root: str = "/", unified: Sequence[str] = (), legacy: Sequence[str] = ()
    ) -> None:
        self._root = root
        self._host = host_name()
        self._unified, self._legacy = unified, legacy
        self._runc = runc.Containers(root)
        self._known: dict[tuple[str, str], Place] = {}
        self._unnamed: set[tuple[str, str]] = set()
        self._links = kubelet.links(root)

    def find(self, path: str, legacy: str) -> Place:
        """Return the place of paths in cgroup v2 and in v1, ``/`` if there is none.

        v1 completes v2: some runtimes use only one of them.
        """
        known = self._known.get((path, legacy))
        if known:
            return known
        if len(self._known) >= MAX_PLACES:
            self._known.clear()
            self._unnamed.clear()
        place = self._known[path, legacy] = self._find(path, legacy)
        if place.unnamed and len(self._unnamed) < MAX_UNNAMED:
            self._unnamed.add((path, legacy))
        return place

    def look_again(self) -> bool:
        """Whether kubelet has named containers since, so that places may have names."""
        links = kubelet.links(self._root)
        if links is self._links:
            return False
        self._links = links
        for paths in self._unnamed:
            del self._known[paths]
        self._unnamed.clear()
        return True

    def _find(self, path: str, legacy: str) -> Place:
        cgroup = legacy if path == "/" else path
        owner = ROOT
        if container := parse(path):
            owner = owner_of(path, self._unified)
        elif container := parse(legacy):
            owner = owner_of(legacy, self._legacy)
        container = container or self._runc.find(path, legacy)
        uid = pod.uid(path) or pod.uid(legacy)
        place = Place(
            harmless(cgroup),
            unit=unit(path) or unit(legacy),
            pod=_short(uid) if uid else None,
            pod_uid=uid,
        )
        if not container:
            return place
        name = name_of(container, self._root, owner)
        pod_name = pod.name_of(container, self._root) if owner == ROOT else None
        workload = pod.workload(pod_name, self._host) if pod_name else None
        return replace(
            place,
            container=harmless(name or _short(container.id)),
            container_id=harmless(container.id),
            runtime=container.runtime,
            pod=harmless(pod_name) if pod_name else place.pod,
            workload=harmless(workload) if workload else None,
        )


def _short(number: str) -> str:
    """Return the first digits of a long ID; UUIDs and names are unchanged."""
    return number[:SHORT] if re.fullmatch("[0-9a-f]{64}", number) else number


def unit(path: str) -> str | None:
    """Return the innermost systemd unit on a cgroup's path, without its escapes."""
    for name in reversed(path.split("/")):
        # systemd puts a _ before names that the kernel might use itself.
        if UNIT.fullmatch(bare := name.removeprefix("_")):
            return unescape(bare)
    return None
