"""Where container runtimes that work for the whole machine keep their files.

All paths are below the root directory.
"""

from __future__ import annotations

# State folders of containerd: its own, that of k3s and RKE2, that of microk8s.
_CONTAINERD = (
    "run/containerd",
    "run/k3s/containerd",
    "var/snap/microk8s/common/run/containerd",
)
CONTAINERD_TASKS = tuple(f"{s}/io.containerd.runtime.v2.task" for s in _CONTAINERD)
DOCKER = "var/lib/docker/containers"
# Of podman and cri-o.
STORAGE = ("var/lib/containers/storage", "run/containers/storage")
USERS_STORAGE = (
    "home/*/.local/share/containers/storage",
    "root/.local/share/containers/storage",
)
OVERLAY = "overlay-containers"
RUNC = "run/runc"

FOLDERS = (DOCKER, *(f"{s}/{OVERLAY}" for s in STORAGE), *CONTAINERD_TASKS, RUNC)
