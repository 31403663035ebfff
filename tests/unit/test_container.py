"""Containers recognized by the paths of their cgroups."""

from __future__ import annotations

import pytest

from tcpconnect.enrich.container import Container, parse

A, B = "0123456789abcdef" * 4, "fedcba9876543210" * 4
POD = "pod3b7cda51-1f2b-4c5e-8a57-0d3c2f4bd8a1"
SLICE = "kubepods-burstable-pod3b7cda51_1f2b_4c5e_8a57_0d3c2f4bd8a1.slice"
USER = "user.slice/user-1000.slice/user@1000.service"


@pytest.mark.parametrize(
    ("path", "runtime"),
    [
        (f"/system.slice/docker-{A}.scope", "docker"),
        (f"/{USER}/app.slice/docker-{A}.scope", "docker"),
        (f"/docker/{A}", "docker"),
        (
            f"/kubepods.slice/kubepods-burstable.slice/{SLICE}/docker-{A}.scope",
            "docker",
        ),
        (f"/ecs/5f1c2b/{A}", "docker"),
        (f"/machine.slice/libpod-{A}.scope", "podman"),
        (f"/machine.slice/libpod-{A}.scope/container", "podman"),
        (f"/{USER}/{USER}/user.slice/libpod-{A}.scope/container", "podman"),
        (f"/libpod_parent/libpod-{A}", "podman"),
        (f"/system.slice/web.service/libpod-payload-{A}", "podman"),
        (f"/machine.slice/machine-libpod_pod_{B}.slice/libpod-{A}.scope", "podman"),
        (
            f"/kubepods.slice/kubepods-burstable.slice/{SLICE}/cri-containerd-{A}.scope",
            "containerd",
        ),
        (f"/kubepods/burstable/{POD}/{A}", "containerd"),
        (f"/kubepods/{POD}/{A}", "containerd"),
        (f"/system.slice/containerd.service/{SLICE}:cri-containerd:{A}", "containerd"),
        (f"/system.slice/nerdctl-{A}.scope", "containerd"),
        (f"/default/{A}", "containerd"),
        (f"/k8s.io/{A}", "containerd"),
        (f"/kubepods.slice/{SLICE}/crio-{A}.scope", "cri-o"),
        (f"/kubepods/besteffort/{POD}/crio-{A}", "cri-o"),
    ],
)
def test_by_id(path: str, runtime: str) -> None:
    """A runtime and a whole ID, in whatever cgroup of the container."""
    for mount in ("", "/sys/fs/cgroup", "/sys/fs/cgroup/memory"):
        for below in ("", "/", "/init.scope", "/a/b/c"):
            found = parse(f"{mount}{path}{below}")
            assert found == Container(runtime, A, None), (mount, below)


@pytest.mark.parametrize(
    ("path", "runtime", "name"),
    [
        ("/lxc.payload.web", "lxc", "web"),
        ("/lxc.payload.web/system.slice/cron.service", "lxc", "web"),
        ("/lxc/web", "lxc", "web"),
        ("/lxc/web/init.scope", "lxc", "web"),
        (r"/machine.slice/machine-lxc\x2d2741\x2dweb.scope", "lxc", "web"),
        ("/machine.slice/machine-web.scope", "systemd-nspawn", "web"),
        ("/machine.slice/machine-web.scope/payload", "systemd-nspawn", "web"),
        (r"/machine.slice/machine-web\x2d1.scope", "systemd-nspawn", "web-1"),
        ("/machine.slice/systemd-nspawn@web.service", "systemd-nspawn", "web"),
        (
            r"/machine.slice/systemd-nspawn@web\x2d1.service/payload/init.scope",
            "systemd-nspawn",
            "web-1",
        ),
    ],
)
def test_by_name(path: str, runtime: str, name: str) -> None:
    """Where the directory has the container's name, this is its ID, too."""
    assert parse(path) == Container(runtime, name, name)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"/docker/{A}/docker/{B}", Container("docker", B, None)),
        (
            f"/docker/{A}/kubelet/kubepods/burstable/{POD}/{B}",
            Container("containerd", B, None),
        ),
        (f"/lxc.payload.web/docker/{B}/x", Container("docker", B, None)),
        (f"/docker/{A}/lxc.payload.web", Container("lxc", "web", "web")),
    ],
)
def test_innermost(path: str, expected: Container) -> None:
    """Of a container in a container, the one that a process is in itself."""
    assert parse(path) == expected


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/init.scope",
        "/system.slice/docker.service",
        "/system.slice/containerd.service",
        f"/system.slice/docker-{A[:12]}.scope",
        f"/system.slice/docker-{A.upper()}.scope",
        f"/system.slice/docker-{A}0.scope",
        f"/{A}",
        f"/other/{A}",
        f"/docker/buildx/{A}",
        f"/machine.slice/libpod-conmon-{A}.scope",
        f"/kubepods.slice/{SLICE}",
        f"/kubepods/burstable/{POD}",
        f"/kubepods.slice/{SLICE}/crio-conmon-{A}.scope",
        "/lxc.monitor.web",
        "/lxc.payload.",
        "/lxc",
        r"/machine.slice/machine-qemu\x2d1\x2dvm.scope",
        "/machine.slice",
        "/system.slice/docker-\u0663.scope",
    ],
)
def test_no_container(path: str) -> None:
    """Services of the machine, helpers of the runtimes, and virtual machines."""
    assert parse(path) is None
