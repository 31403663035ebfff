"""Units and pods that filters name, and in which nothing runs: is a name wrong?

They may start later, and are traced then. So this is a notice, where a container that
does not run is an error: it can't be found when it starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect import target_messages
from tcpconnect.enrich.container_names import unreadable
from tcpconnect.enrich.place import Places
from tcpconnect.errors import did_you_mean
from tcpconnect.machine import cgroup
from tcpconnect.messages import CONTAINERS_RUN
from tcpconnect.wanted import SERVICE, matcher, with_namespace, with_service

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from tcpconnect.errors import Line, Message
    from tcpconnect.settings import Settings

MANY_NAMES = 8


def notices(settings: Settings) -> Iterator[Line]:
    """Yield a line for each unit and pod of filters that does not run."""
    unified, legacy = cgroup.hierarchies()
    if not (unified or legacy):  # nothing can be known
        return
    units, pods = running(unified, legacy)
    yield from _absent(
        target_messages.NO_UNIT_RUNS, settings.units, units, with_service
    )
    if not unreadable():
        yield from _absent(
            target_messages.NO_POD_RUNS, settings.pods, pods, with_namespace
        )


def running(
    unified: Collection[str], legacy: Collection[str]
) -> tuple[set[str], set[str]]:
    """Return the units and pods that have cgroups, of mounts of v2 and v1."""
    places = Places(unified=[*unified], legacy=[*legacy])
    below = {path for mount in unified for path in cgroup.directories(mount)}
    found = [places.find(path, "/") for path in below]
    below = {path for mount in legacy for path in cgroup.directories(mount)} - below
    found += [places.find("/", path) for path in below]
    units = {place.unit for place in found if place.unit}
    return units, {place.pod for place in found if place.pod}


def _absent(
    message: Message,
    names: Iterable[str],
    run: Collection[str],
    spelled: Callable[[list[str]], list[str]],
) -> Iterator[Line]:
    short = {name.removesuffix(SERVICE).rpartition("/")[2] for name in run}
    for name in sorted(names):
        matches = matcher(spelled([name]))
        if matches is None or any(matches[each] for each in run):
            continue
        near = did_you_mean(name, {*run, *short}) or _listed(run)
        yield message.line(name=name, near=near)


def _listed(names: Collection[str]) -> str:
    shown = ", ".join(sorted(names)[:MANY_NAMES]) + ", …" * (len(names) > MANY_NAMES)
    return CONTAINERS_RUN.format(names=shown) if names else ""
