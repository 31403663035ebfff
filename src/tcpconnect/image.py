"""The details of a process and of its cgroup, and their field tables."""

from typing import Annotated

import msgspec

from tcpconnect import fit
from tcpconnect.fields import Field


class Place(msgspec.Struct, frozen=True, gc=False):
    """The container, unit and pod of a cgroup, ready to be shown."""

    cgroup: Annotated[
        str | None,
        Field(
            "CGROUP",
            32,
            "path of the process's cgroup",
            needs="process",
            reads="cgroup",
            fit=fit.PATH,
        ),
    ] = None
    container: Annotated[
        str | None,
        Field(
            "CONTAINER",
            16,
            "name of the container, else its ID's 12 first digits",
            needs="containers",
            reads="cgroup",
            fit=fit.TEXT,
        ),
    ] = None
    container_id: Annotated[
        str | None,
        Field(
            "CONTAINERID",
            64,
            "whole ID of the container",
            needs="process",
            reads="cgroup",
            fit=fit.TEXT,
        ),
    ] = None
    runtime: Annotated[
        str | None,
        Field(
            "RUNTIME",
            14,
            "what made the container: docker, podman, containerd, cri-o, runc, lxc or "
            "systemd-nspawn",
            needs="process",
            reads="cgroup",
        ),
    ] = None
    unit: Annotated[
        str | None,
        Field(
            "UNIT",
            24,
            "innermost systemd unit of the process",
            needs="process",
            reads="cgroup",
            fit=fit.TEXT,
        ),
    ] = None
    pod: Annotated[
        str | None,
        Field(
            "POD",
            36,
            "namespace/name of the pod, else its UID",
            needs="containers",
            reads="cgroup",
            fit=fit.TEXT,
        ),
    ] = None
    pod_uid: Annotated[
        str | None,
        Field(
            "PODUID",
            36,
            "UID of the pod",
            needs="process",
            reads="cgroup",
            fit=fit.TEXT,
        ),
    ] = None
    workload: Annotated[
        str | None,
        Field(
            "WORKLOAD",
            36,
            "namespace/name of what made the pod (Deployment, DaemonSet, ...), derived "
            "from the pod's name",
            needs="containers",
            reads="cgroup",
            fit=fit.TEXT,
        ),
    ] = None

    @property
    def unnamed(self) -> bool:
        """Whether it is a pod's container of which no names were known."""
        return bool(self.container_id and self.pod) and self.pod == self.pod_uid


class Image(msgspec.Struct, frozen=True, gc=False):
    """The details of a process, ready to be shown, until it executes or moves."""

    exe: Annotated[
        str | None,
        Field(
            "EXE",
            24,
            "path of the file that the process executes, from its root",
            needs="process",
            reads="exe",
            fit=fit.PATH,
        ),
    ] = None
    cmdline: Annotated[
        str | None,
        Field(
            "CMDLINE",
            32,
            "arguments of the process, quoted as for a shell",
            needs="process",
            reads="cmdline",
            fit=fit.TEXT,
        ),
    ] = None
    place: Place = Place()


UNKNOWN = Image()
