"""The places of container runtimes' files: the only list of them.

Paths begin at the root directory; in patterns, ``{}`` is a container's full ID.
"""

from __future__ import annotations

DOCKER = ("var/lib/docker/containers",)
# Of containerd: its own, of k3s and RKE2, of microk8s.
TASKS = tuple(
    f"{state}/io.containerd.runtime.v2.task"
    for state in (
        "run/containerd",
        "run/k3s/containerd",
        "var/snap/microk8s/common/run/containerd",
    )
)
# Of podman and cri-o, with a folder for each storage driver.
STORAGE = ("var/lib/containers/storage", "run/containers/storage")
DRIVERS = ("overlay", "vfs", "btrfs", "zfs")
LISTS = tuple(
    f"{driver}-containers/{name}"
    for driver in DRIVERS
    for name in ("containers.json", "volatile-containers.json")
)
RUNC = ("run/runc",)

# The folders of the machine's runtimes.
FOLDERS = (
    *DOCKER,
    *(f"{place}/overlay-containers" for place in STORAGE),
    *TASKS,
    *RUNC,
)

# Files of docker's own, and files that list the containers of a storage.
DOCKER_CONFIGS = tuple(f"{place}/{{}}/config.v2.json" for place in DOCKER)
STORES = tuple(
    f"{place}/{name}"
    for place in (*STORAGE, "root/.local/share/containers/storage")
    for name in LISTS
)
# The same of a user's podman: below the home, and below the session's folder.
HOME_STORES = tuple(f".local/share/containers/storage/{name}" for name in LISTS)
SESSION = "/run/user/{}"
SESSION_STORES = tuple(f"containers/{name}" for name in LISTS)
# The OCI's config.json of a container, by its runtime.
BUNDLES = {
    "containerd": tuple(f"{place}/*/{{}}/config.json" for place in TASKS),
    "cri-o": tuple(
        f"{place}/{driver}-containers/{{}}/userdata/config.json"
        for place in STORAGE
        for driver in DRIVERS
    ),
}
STATE = "state.json"  # of a container of runc
RUNC_STATES = tuple(f"{place}/*/{STATE}" for place in RUNC)
