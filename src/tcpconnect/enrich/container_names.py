"""Names of containers, from the files of their runtimes."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, TypeVar

import msgspec

from tcpconnect.enrich import files
from tcpconnect.enrich.kubelet import links
from tcpconnect.enrich.runtimes import (
    BUNDLES,
    DOCKER_CONFIGS,
    FOLDERS,
    HOME_STORES,
    SESSION,
    SESSION_STORES,
    STORES,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tcpconnect.enrich.container import Container

T = TypeVar("T")


class _Docker(msgspec.Struct):
    """From config.v2.json."""

    name: str = msgspec.field(name="Name", default="")


class _Stored(msgspec.Struct):
    """A container of podman or cri-o, from containers.json."""

    id: str
    names: list[str] | None = None


class _Bundle(msgspec.Struct):
    """From the config.json for runc."""

    annotations: dict[str, str] = {}


ANNOTATIONS = ("nerdctl/name", "io.kubernetes.cri.container-name")
# How cri-o and cri-dockerd call a pod's: container, pod, namespace, UID, attempt.
_OF_PODS = re.compile(r"k8s_([a-z0-9-]{1,63})_[^_]+_[^_]+_[^_]+_[0-9]+")


def name_of(
    container: Container, root: str = "/", owner: int = files.ROOT
) -> str | None:
    """Return a container's name, None if no file of its ``owner`` has it.

    ``root`` is the directory with the files. Users can create cgroups that look like
    other users' containers: their files name only their own.
    """
    if container.name is not None:
        return container.name
    if owner != files.ROOT:
        stores = _users_stores(owner, root) if container.runtime == "podman" else ()
        return _among(stores, container.id)
    find = _FINDERS.get(container.runtime)
    if find and (name := find(container.id, root)):
        in_pod = None if container.runtime == "podman" else _OF_PODS.fullmatch(name)
        return in_pod[1] if in_pod else name
    names = links(root).get(container.id)
    return names.container if names else None


def unreadable(root: str = "/") -> list[str]:
    """Return the folders of runtimes that exist but are not readable."""
    return [path for folder in FOLDERS if _denied(path := os.path.join(root, folder))]


def _denied(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def _docker(container_id: str, root: str) -> str | None:
    for config in read(DOCKER_CONFIGS, _Docker, root, container_id):
        return config.name.removeprefix("/") or None
    return None


def _stored(container_id: str, root: str) -> str | None:
    return _among(read(STORES, list[_Stored], root), container_id)


def _among(stores: Iterable[list[_Stored]], container_id: str) -> str | None:
    for containers in stores:
        for container in containers:
            if container.id == container_id and container.names:
                return container.names[0]
    return None


def _containerd(container_id: str, root: str) -> str | None:
    for bundle in read(BUNDLES["containerd"], _Bundle, root, container_id):
        for annotation in ANNOTATIONS:
            if annotation in bundle.annotations:
                return bundle.annotations[annotation]
    return None


def read(
    patterns: Iterable[str], kind: type[T], root: str = "/", container_id: str = ""
) -> Iterator[T]:
    """Yield root's files with these patterns, if they can be parsed."""
    wanted = (pattern.format(container_id) for pattern in patterns)
    return files.machines(wanted, kind, root)


def _users_stores(owner: int, root: str) -> Iterator[list[_Stored]]:
    """Yield the containers of a user's podman."""
    kind = list[_Stored]
    yield from files.users(owner, SESSION.format(owner), SESSION_STORES, kind, root)
    if home := files.home(owner, root):
        yield from files.users(owner, home, HOME_STORES, kind, root)


_FINDERS: dict[str, Callable[[str, str], str | None]] = {
    "docker": _docker,
    "podman": _stored,
    "cri-o": _stored,
    "containerd": _containerd,
}
