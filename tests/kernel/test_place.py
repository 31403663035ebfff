"""Where processes run: cgroups of both versions, and real containers."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.attempts import PORT, attempt
from tests.support.processes import Watch, connecting, fork, run
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.network import NetNs
    from tests.support.processes import Cgroup
    from tests.support.runc import Bundle


ID = "0123456789abcdef" * 4
POD = "3b7cda51-1f2b-4c5e-8a57-0d3c2f4bd8a1"
CGROUP = "cgroup container container_id runtime unit pod pod_uid"


def legacy_hierarchy() -> Path:
    """Return where the pids controller of cgroup v1 is mounted; skip without it."""
    mounts = Path("/proc/self/mountinfo").read_text()
    found = re.search(
        r"^(?:\S+ ){3}/ (\S+) .* - cgroup .*\bpids\b", mounts, re.MULTILINE
    )
    if not found:
        pytest.skip("this machine has no cgroup v1")
    return Path(found[1])


def event_in(netns: NetNs, *groups: Cgroup) -> dict[str, Any]:
    """Return the event of a process in these cgroups, without its ID."""

    def work() -> None:
        for group in groups:
            group.enter()
        attempt("127.0.0.1", PORT)

    with Watch(netns, columns=CGROUP) as watch:
        os.waitpid(fork(work), 0)
        event = watch.event()
    del event["pid"]
    return event


def nothing_but(**known: str | None) -> dict[str, str | None]:
    """Return the columns of a cgroup; what is not given is unknown."""
    return dict.fromkeys(CGROUP.split()) | known


def test_service(netns: NetNs, cgroups: Callable[..., Cgroup]) -> None:
    """A unit is shown as people call it, and is no container."""
    group = cgroups("system.slice", r"web\x2dserver.service", "worker")
    expected = nothing_but(cgroup=group.path, unit="web-server.service")
    assert event_in(netns, group) == expected


def test_pod(netns: NetNs, cgroups: Callable[..., Cgroup]) -> None:
    """A container of Kubernetes belongs to a pod."""
    name = f"kubepods-burstable-pod{POD.replace('-', '_')}.slice"
    scope = f"cri-containerd-{ID}.scope"
    group = cgroups("kubepods.slice", "kubepods-burstable.slice", name, scope)
    assert event_in(netns, group) == {
        "cgroup": group.path,
        "container": ID[:12],
        "container_id": ID,
        "runtime": "containerd",
        "unit": scope,
        "pod": POD,
        "pod_uid": POD,
    }


def test_hostile_name(netns: NetNs, cgroups: Callable[..., Cgroup]) -> None:
    """Whoever may make cgroups can't write to the terminal by their names."""
    group = cgroups("\x1b[2J", "\\x1b[2J.service", os.fsdecode(b"\xff"))
    folder = group.path.split("/")[1]
    expected = nothing_but(
        cgroup=rf"/{folder}/\x1b[2J/\x1b[2J.service/\xff", unit=r"\x1b[2J.service"
    )
    assert event_in(netns, group) == expected


def test_deep_cgroup(netns: NetNs, cgroups: Callable[..., Cgroup]) -> None:
    """A path as long as the kernel takes is shown whole."""
    group = cgroups(*["x" * 255] * 15)
    assert event_in(netns, group) == nothing_but(cgroup=group.path)


def shown_of_moves(netns: NetNs, groups: list[Cgroup]) -> list[str | None]:
    """Return what is shown of a process that connects in each cgroup, twice."""

    def work() -> None:
        for n, group in enumerate(groups * 2):
            group.enter()
            attempt(f"127.0.0.{n + 1}", PORT)

    with Watch(netns, columns="cgroup") as watch:
        os.waitpid(fork(work), 0)
        return [event["cgroup"] for event in watch.events(2 * len(groups))]


def test_process_that_moves(netns: NetNs, cgroups: Callable[..., Cgroup]) -> None:
    """Each connect has the cgroup of its moment."""
    groups = [cgroups("a"), cgroups("b")]
    assert shown_of_moves(netns, groups) == [group.path for group in groups * 2]


def test_container_of_cgroup_v1(netns: NetNs, cgroups: Callable[..., Cgroup]) -> None:
    """If the process is in the root of v2, the path is that of v1."""
    group = cgroups("docker", ID, hierarchy=legacy_hierarchy())
    assert event_in(netns, group) == nothing_but(
        cgroup=group.path, container=ID[:12], container_id=ID, runtime="docker"
    )


def test_container_of_both_versions(
    netns: NetNs, cgroups: Callable[..., Cgroup]
) -> None:
    """On a hybrid host, v2 has the service and v1 the container."""
    legacy = cgroups("docker", ID, hierarchy=legacy_hierarchy())
    service = cgroups("system.slice", "docker.service")
    assert event_in(netns, legacy, service) == nothing_but(
        cgroup=service.path,
        container=ID[:12],
        container_id=ID,
        runtime="docker",
        unit="docker.service",
    )


def test_cgroup_v1_of_a_moment(netns: NetNs, cgroups: Callable[..., Cgroup]) -> None:
    """A move in v1 alone is seen, too."""
    groups = [cgroups(n, hierarchy=legacy_hierarchy()) for n in ("a", "b")]
    assert shown_of_moves(netns, groups) == [group.path for group in groups * 2]


@pytest.mark.parametrize(
    ("cgroup", "runtime"),
    [(f"docker/{ID}", "docker"), (f"libpod_parent/libpod-{ID}", "podman")],
)
def test_real_container(
    netns: NetNs, bundle: Bundle, cgroup: str, runtime: str
) -> None:
    """A container that runc made: its cgroup, its namespaces, its program."""
    path = f"/tcpc-{os.getpid()}-runc/{cgroup}"
    columns = "exe cmdline cgroup container container_id runtime mntns"
    with Watch(netns, columns=columns) as watch:
        bundle.run("tcpc", path, "/bin/busybox", *connecting())
        event = watch.event()
    del event["pid"]
    assert event.pop("mntns") not in {None, os.stat("/proc/self/ns/mnt").st_ino}
    assert event == {
        "exe": "/bin/busybox",
        "cmdline": f"/bin/busybox nc 127.0.0.1 {PORT}",
        "cgroup": path,
        "container": ID[:12],
        "container_id": ID,
        "runtime": runtime,
    }


def test_process_that_did_not_fit_the_ring(netns: NetNs) -> None:
    """Its connects are shown without it, and the loss is reported.

    The ring has room for connections, but not for long arguments.
    """
    code = f"import socket; socket.socket().connect_ex(('127.0.0.1', {PORT}))"
    arguments = ["python", "-Sc", code, "x" * 5000]
    with Watch(netns, "--ring-bytes", "4096", columns="ppid cmdline") as watch:
        pid = run(Path(sys.executable), arguments)
        assert watch.event() == {"pid": pid, "ppid": os.getpid(), "cmdline": None}
        lost = b"attempts without their exe, cmdline and cgroup"
        wait_until(lambda: lost in watch.tool.stderr, "the loss")
