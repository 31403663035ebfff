"""Pods: their UIDs, from cgroup paths, and their names, from runtimes' files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from tcpconnect.enrich.container_names import read
from tcpconnect.enrich.kubelet import links
from tcpconnect.enrich.runtimes import BUNDLES, DOCKER_CONFIGS
from tcpconnect.enrich.workload import workload_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcpconnect.enrich.container import Container

_UID = "[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32}"
_KUBERNETES = re.compile(rf"(?:.*kubepods-(?:.*-)?)?pod({_UID})(?:\.slice)?")
_PODMAN = re.compile(r".*libpod_pod_([0-9a-f]{64})\.slice")

# Where each runtime's files have a pod's name and namespace: by these keys only. cri-o
# copies all annotations of a pod, then kubelet's labels over them: under the keys of
# another runtime a pod says what it likes. So does an image, in docker's labels.
KUBELETS = ("io.kubernetes.pod.name", "io.kubernetes.pod.namespace")
KEYS = {
    "containerd": (
        "io.kubernetes.cri.sandbox-name",
        "io.kubernetes.cri.sandbox-namespace",
    ),
    "cri-o": KUBELETS,
    "docker": KUBELETS,
}


class _Bundle(msgspec.Struct):
    """From the OCI's config.json."""

    annotations: dict[str, Any] | None = None


class _DockerConfig(msgspec.Struct):
    labels: dict[str, Any] | None = msgspec.field(name="Labels", default=None)


class _Docker(msgspec.Struct):
    """From docker's config.v2.json."""

    config: _DockerConfig | None = msgspec.field(name="Config", default=None)


def uid(cgroup_path: str) -> str | None:
    """Return the UID of the innermost pod on a path, of Kubernetes or podman.

    systemd reads ``-`` as ``/``, so kubelet writes ``_`` in names of slices.
    """
    kubernetes = "kubepods" in cgroup_path
    for name in reversed(cgroup_path.split("/")):
        if kubernetes and (matched := _KUBERNETES.fullmatch(name)):
            return matched[1].replace("_", "-")
        if matched := _PODMAN.fullmatch(name):
            return matched[1]
    return None


def name_of(container: Container, root: str = "/") -> str | None:
    """Return namespace/name of a container's pod, None if no file has it.

    ``root`` is the directory with the files.
    """
    for found in _annotations(container, root):
        name, namespace = (_text(found, key) for key in KEYS[container.runtime])
        if name:
            return f"{namespace}/{name}" if namespace else name
    if names := links(root).get(container.id):
        return f"{names.namespace}/{names.pod}"
    return None


def workload(pod: str, host: str) -> str | None:
    """Return namespace/name of what made a pod on a host, if its name says that."""
    namespace, slash, name = pod.rpartition("/")
    found = workload_of(name, host)
    return f"{namespace}{slash}{found}" if found else None


def _annotations(container: Container, root: str) -> Iterator[dict[str, Any]]:
    if container.runtime == "docker":
        for docker in read(DOCKER_CONFIGS, _Docker, root, container.id):
            yield (docker.config and docker.config.labels) or {}
    bundles = BUNDLES.get(container.runtime, ())
    for bundle in read(bundles, _Bundle, root, container.id):
        yield bundle.annotations or {}


def _text(annotations: dict[str, Any], key: str) -> str | None:
    value = annotations.get(key)
    return value if isinstance(value, str) else None
