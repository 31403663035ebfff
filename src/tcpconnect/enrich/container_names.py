"""Names of containers, from the files that their runtimes keep."""

from __future__ import annotations

import os
import stat
from glob import glob
from typing import TYPE_CHECKING, TypeVar

import msgspec

from tcpconnect.enrich.runtimes import BUNDLES, DOCKER_CONFIGS, FOLDERS, STORES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tcpconnect.enrich.container import Container

T = TypeVar("T")


class _Docker(msgspec.Struct):
    """Of config.v2.json."""

    name: str = msgspec.field(name="Name", default="")


class _Stored(msgspec.Struct):
    """One of the containers that podman and cri-o store: of containers.json."""

    id: str
    names: list[str] | None = None


class _Bundle(msgspec.Struct):
    """Of the config.json that runc gets."""

    annotations: dict[str, str] = {}


ANNOTATIONS = ("nerdctl/name", "io.kubernetes.cri.container-name")
MAX_BYTES = 16 << 20


def name_of(container: Container, root: str = "/") -> str | None:
    """Return a container's name, None where no file tells it.

    ``root`` is the directory that the files are sought below.
    """
    if container.name is not None:
        return container.name
    find = _FINDERS.get(container.runtime)
    return find(container.id, root) if find else None


def unreadable(root: str = "/") -> list[str]:
    """Return the folders of runtimes that are there, and that we may not read."""
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
    for containers in read(STORES, list[_Stored], root):
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
    """Yield the files of these patterns that are there and can be understood."""
    wanted = (f"{root}/{pattern.format(container_id)}" for pattern in patterns)
    for path in (path for pattern in wanted for path in glob(pattern)):
        try:
            yield msgspec.json.decode(_content(path), type=kind)
        # UnicodeDecodeError, which is a ValueError, for a text that is no UTF-8.
        except (OSError, ValueError, msgspec.DecodeError, RecursionError):
            continue


def _content(path: str) -> bytes:
    """Return a file, which any user may have made a pipe, a link or endless."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return b""
        return file.read(MAX_BYTES)


_FINDERS: dict[str, Callable[[str, str], str | None]] = {
    "docker": _docker,
    "podman": _stored,
    "cri-o": _stored,
    "containerd": _containerd,
}
