"""A container of a manifest of Kubernetes, run by podman with what is written there."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# What is translated below: a word that is not here can't be forgotten.
OF_PODS = {
    *("automountServiceAccountToken", "containers", "enableServiceLinks", "hostPID"),
    *("nodeSelector", "priorityClassName", "securityContext", "serviceAccountName"),
    *("terminationGracePeriodSeconds", "tolerations", "volumes"),
}
OF_CONTAINERS = {"args", "env", "image", "name", "ports", "resources"}
OF_CONTAINERS |= {"securityContext", "volumeMounts"}
OF_SECURITY = {
    *("allowPrivilegeEscalation", "capabilities", "privileged"),
    *("readOnlyRootFilesystem", "runAsGroup", "runAsUser"),
}
READY = "Tracing connect ... Hit Ctrl-C to end\n"
NODE = "node-7"
FIELDS = {"spec.nodeName": NODE}  # of the downward API
# Lower ones than podman's own, which not every machine may set.
LIMITS = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")


class Podman:
    """podman with a storage of its own, which nothing else sees.

    cgroups as files, and runc: what works on each machine, with systemd or without.
    """

    def __init__(self, folder: Path) -> None:
        self.command = (
            *("podman", "--storage-driver=vfs", "--cgroup-manager=cgroupfs"),
            *("--runtime=runc", f"--root={folder}/storage", f"--runroot={folder}/run"),
        )

    def __call__(self, *words: str) -> str:
        """Return what a command of podman's prints."""
        done = subprocess.run(
            [*self.command, *words],
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def environment(container: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables of a container, as kubelet makes them: each in order."""
    made: dict[str, str] = {}
    for each in container["env"]:
        value = each.get("value")
        if value is None:
            value = FIELDS[each["valueFrom"]["fieldRef"]["fieldPath"]]
        made[each["name"]] = re.sub(r"\$\((\w+)\)", lambda name: made[name[1]], value)
    return made


def options(
    pod: Mapping[str, Any], paths: Mapping[str, object], seccomp: Path
) -> list[str]:
    """Return podman's options for the one container of a pod.

    ``paths`` are where this machine has the host's; ``seccomp`` is the profile of a
    runtime.
    """
    (container,) = pod["containers"]
    security = container["securityContext"]
    assert pod.keys() <= OF_PODS
    assert container.keys() <= OF_CONTAINERS
    assert security.keys() == OF_SECURITY
    assert pod["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}
    given = [
        *("--network=none", "--cgroupns=private", *LIMITS),
        f"--security-opt=seccomp={seccomp}",
        f"--user={security['runAsUser']}:{security['runAsGroup']}",
        f"--memory={container['resources']['limits']['memory'].removesuffix('i')}",
        f"--read-only={str(security['readOnlyRootFilesystem']).lower()}",
        "--read-only-tmpfs=false",
        f"--privileged={str(security['privileged']).lower()}",
    ]
    given += [f"--cap-drop={name}" for name in security["capabilities"]["drop"]]
    given += [f"--cap-add={name}" for name in security["capabilities"]["add"]]
    if not security["allowPrivilegeEscalation"]:
        given.append("--security-opt=no-new-privileges")
    if pod["hostPID"]:
        given.append("--pid=host")
    given += [f"--env={name}={value}" for name, value in environment(container).items()]
    return given + _volumes(pod["volumes"], container["volumeMounts"], paths)


def _volumes(
    volumes: Sequence[Mapping[str, Any]],
    mounts: Sequence[Mapping[str, Any]],
    paths: Mapping[str, object],
) -> list[str]:
    hosts = {each["name"]: each["hostPath"]["path"] for each in volumes}
    given = []
    for each in mounts:
        path = hosts[each["name"]]
        how = ":ro" if each.get("readOnly") else ""
        given.append(f"--volume={paths.get(path, path)}:{each['mountPath']}{how}")
    return given


def until_ready(process: subprocess.Popen[str]) -> list[str]:
    """Wait until it traces; return what it said before."""
    assert process.stderr
    said: list[str] = []
    for line in process.stderr:
        if line == READY:
            return said
        said.append(line)
    raise AssertionError("".join(said))
