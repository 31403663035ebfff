"""Filters by cgroup and container, and names that match nothing."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import Child, attempt, run_tool
from tests.support.mounts import private_mounts
from tests.support.places import ID, V1, cgroup
from tests.support.processes import unified
from tests.support.runc import TOP, Container
from tests.support.system import CLONE_NEWNS, libc, sh
from tests.support.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.network import NetNs
    from tests.support.runc import Bundle

pytestmark = pytest.mark.usefixtures("netns")

OTHER_ID = "0123fedcba987654" * 4
RUNC = Path("/run/runc")


@contextmanager
def in_cgroup(path: Path) -> Iterator[Child]:
    """A child in a new cgroup, which attempts port 80."""
    with Child(lambda: attempt("127.0.0.1", 80)) as child, cgroup(path):
        (path / "cgroup.procs").write_text(str(child.pid))
        try:
            yield child
        finally:
            (unified() / "cgroup.procs").write_text(str(child.pid))


def shown_of(children: list[Child], *options: object) -> list[int]:
    """Let children attempt under filters; return the indexes of those traced."""
    pids = [child.pid for child in children]
    with Tool("-j", "-p", ",".join(map(str, pids)), *options) as tool:
        for child in children:
            child.run()
        assert tool.stop() == 0
        return [pids.index(event["pid"]) for event in tool.all_events()]


def test_cgroups() -> None:
    """--cgroup passes a cgroup and all below it, by each way to write its path."""
    top = f"tcpc-test-{os.getpid()}"
    root = unified()
    with (
        in_cgroup(root / top / "a") as a,
        in_cgroup(root / top / "a/below/deep") as below,
        in_cgroup(root / top / "b") as b,
        in_cgroup(root / f"{top}-a") as beside,
    ):
        every = [a, below, b, beside]
        for path in (f"{top}/a", f"/{top}/a", root / top / "a", f"{top}/a/"):
            assert shown_of(every, "--cgroup", path) == [0, 1]
        assert shown_of(every, "--cgroup", top) == [0, 1, 2]
        both = ("--cgroup", f"{top}/a/below", "--cgroup", f"{top}/b")
        assert shown_of(every, *both) == [1, 2]
        assert shown_of(every, "--cgroup", "/") == [0, 1, 2, 3]


CONTAINERS = [
    f"system.slice/docker-{ID}.scope",
    f"machine.slice/libpod-{OTHER_ID}.scope/container",
    "lxc.payload.tcpc-web",
    r"machine.slice/machine-tcpc\x2ddb.scope/payload",
]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([ID], [0]),
        ([ID[:12]], [0]),
        ([ID[:5]], [0]),
        ([OTHER_ID], [1]),
        (["tcpc-web"], [2]),
        (["tcpc-db"], [3]),
        ([f"{ID[:12]},tcpc-db"], [0, 3]),
        ([ID[:12], OTHER_ID[:12]], [0, 1]),
    ],
)
def test_containers(names: list[str], expected: list[int]) -> None:
    """--container passes all in it, by ID, the beginning of it, or name."""
    root = unified() / f"tcpc-test-{os.getpid()}"
    with (
        in_cgroup(root / CONTAINERS[0]) as one,
        in_cgroup(root / CONTAINERS[1]) as two,
        in_cgroup(root / CONTAINERS[2]) as three,
        in_cgroup(root / CONTAINERS[3]) as four,
    ):
        options = [word for name in names for word in ("--container", name)]
        assert shown_of([one, two, three, four], *options) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--not-container", ID[:12]], [1, 2, 3, 4]),
        (["--not-container", f"{OTHER_ID},tcpc-web"], [0, 3, 4]),
        (["--not-container", "tcpc-db", "--container", f"tcpc-web,{ID}"], [0, 2]),
        (["--not-container", ID, "--cgroup", "{top}/system.slice"], []),
        (["--not-container", ID, "--cgroup", "{top}"], [1, 2, 3, 4]),
    ],
)
def test_not_containers(options: list[str], expected: list[int]) -> None:
    """--not-container leaves out all in it, beside the other filters."""
    top = f"tcpc-test-{os.getpid()}"
    root = unified() / top
    with (
        in_cgroup(root / CONTAINERS[0]) as one,
        in_cgroup(root / CONTAINERS[1]) as two,
        in_cgroup(root / CONTAINERS[2]) as three,
        in_cgroup(root / CONTAINERS[3]) as four,
        in_cgroup(root / "none") as none,
    ):
        given = [option.format(top=top) for option in options]
        assert shown_of([one, two, three, four, none], *given) == expected


TASK = f"io.containerd.runtime.v2.task/k8s.io/{ID}"
PLACES = {
    "containerd": "/run/containerd",
    "k3s and RKE2": "/run/k3s/containerd",
    "microk8s": "/var/snap/microk8s/common/run/containerd",
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_containers_of_kubernetes(place: str) -> None:
    """--container knows the name, wherever the containerd keeps it."""
    name = {"io.kubernetes.cri.container-name": "tcpc-shop"}
    top = unified() / f"tcpc-test-{os.getpid()}/kubepods"
    with private_mounts():
        for folder in ("/run", "/var"):
            sh(f"mount -t tmpfs none {folder}")
        task = Path(place, TASK)
        task.mkdir(parents=True)
        (task / "config.json").write_text(json.dumps({"annotations": name}))
        with in_cgroup(top / ID) as inside, in_cgroup(top / OTHER_ID) as outside:
            assert shown_of([inside, outside], "--container", "tcpc-shop") == [0]


@pytest.mark.parametrize("version", ["", "pids"], ids=["v2", "v1"])
def test_containers_of_runc(bundle: Bundle, version: str) -> None:
    """--container knows those of plain runc by name, whatever their cgroups are."""
    if version and not (V1 / "cgroup.procs").exists():
        pytest.skip("this machine has no cgroup v1")
    name = f"tcpc-{os.getpid()}"
    work = ("/bin/busybox", "nc", "127.0.0.1", "80")
    state = RUNC / name / "state.json"
    options = ("-j", "-P", "80", "--container", name)
    runs = Container(bundle, f"/{TOP}/any", *work, name=name, state=RUNC)
    with runs as inside:
        if version:  # as runc does where there is no cgroup v2
            written = json.loads(state.read_text())
            del written["cgroup_paths"][""]
            state.write_text(json.dumps(written))
        with Tool(*options) as tool, Child(lambda: attempt("127.0.0.1", 80)) as outside:
            outside.run()
            inside.run()
            assert tool.stop() == 0
            events = tool.all_events()
    assert [event["comm"] for event in events] == ["busybox"]


def test_containers_and_cgroups() -> None:
    """With --cgroup as well, what is in both is shown."""
    root = unified() / f"tcpc-test-{os.getpid()}"
    with (
        in_cgroup(root / "a" / CONTAINERS[2]) as inside,
        in_cgroup(root / "b" / CONTAINERS[2]) as outside,
    ):
        options = ("--container", "tcpc-web", "--cgroup", f"{root.name}/a")
        assert shown_of([inside, outside], *options) == [0]


@pytest.mark.parametrize(
    ("option", "expected"), [("--container", [0]), ("--not-container", [1])]
)
def test_container_of_cgroup_v1(option: str, expected: list[int]) -> None:
    """A container that is in cgroup v1 only is identified by its mount namespace."""
    if not (V1 / "cgroup.procs").exists():
        pytest.skip("this machine has no cgroup v1")
    path = V1 / f"docker/{ID}"

    def unshare() -> None:
        assert libc.unshare(CLONE_NEWNS) == 0

    work = lambda: attempt("127.0.0.1", 80)  # noqa: E731
    with Child(work, unshare) as inside, Child(work) as outside, cgroup(path):
        (path / "cgroup.procs").write_text(str(inside.pid))
        try:
            shown = shown_of([inside, outside], option, ID[:12])
            assert shown == expected
        finally:
            (V1 / "cgroup.procs").write_text(str(inside.pid))


def refusal(*options: object) -> str:
    """Run with these options; return the only line of the error."""
    result = run_tool(*options)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("tcpconnect: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("tcpconnect: ").rstrip("\n")


def test_unknown_names(netns: NetNs) -> None:
    """A name that matches nothing is one line, with what is like it."""
    top, unit = f"tcpc-test-{os.getpid()}", f"nginx-{os.getpid()}.service"
    near = f"{netns.name}x"
    end = "; tcpconnect -h shows the options"
    with cgroup(unified() / top / unit), cgroup(unified() / CONTAINERS[2]):
        said = refusal("--netns", near)
        assert said.startswith(
            f"argument --netns: no network namespace {near!r}: not in "
            "/run/netns; did you mean "
        )
        assert netns.name in said
        said = refusal("--netns", f"/var/run/netns/{netns.name}")
        assert f"; did you mean {netns.name}" in said
        assert refusal("--cgroup", f"{top}/{unit[1:]}") == (
            f"no cgroup '{top}/{unit[1:]}' in {unified()}; did you mean {top}/{unit}?"
        )
        assert f"did you mean {top}/{unit}" in refusal("--cgroup", unit)
        assert refusal("--container", "tcpc-wbe") == (
            "no container 'tcpc-wbe'; did you mean tcpc-web?"
        )
    assert refusal("-u", "roott") == (
        "argument -u/--uid: no user 'roott' on this machine; did you mean root?"
    )
    assert refusal("--netns", 4194304) == (
        "argument --netns: no network namespace of process 4194304: "
        "No such file or directory" + end
    )


def test_cgroup_outside_of_the_hierarchy() -> None:
    """A path does not lead out of where cgroup v2 is mounted."""
    for path in ("..", "../..", "/proc/self", ""):
        assert refusal("--cgroup", path).startswith(f"no cgroup {path!r} in ")


def test_cgroup_of_v1() -> None:
    """The error of a path of cgroup v1 says so, with the remedy."""
    if not V1.is_dir():
        pytest.skip("this machine has no cgroup v1")
    assert refusal("--cgroup", V1).startswith(
        f"no cgroup '{V1}' in cgroup v2: it is in cgroup v1 ({V1}); only cgroups of v2 "
        "can be filters: name its processes with -f -p PID, or boot with "
    )


def test_ambiguous_container() -> None:
    """The beginning of several IDs is refused, with the IDs."""
    root = unified() / f"tcpc-test-{os.getpid()}"
    with cgroup(root / CONTAINERS[0]), cgroup(root / f"docker/{OTHER_ID}"):
        said = refusal("--container", ID[:4])
    assert said.startswith(f"ambiguous container {ID[:4]!r}: it may be ")
    assert {ID[:12], OTHER_ID[:12]} == {
        word.strip(",;") for word in said.split() if len(word.strip(",;")) == 12
    }
