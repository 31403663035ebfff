"""Filters by container and cgroup, with real containers and cgroup namespaces."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import launch
from tests.support.attempts import PORT, Child, attempt, run_tool
from tests.support.processes import Watch, connecting
from tests.support.runc import TOP, Container

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.network import NetNs
    from tests.support.processes import Cgroup
    from tests.support.runc import Bundle


ID = "0123456789abcdef" * 4
RUNC = Path("/run/runc")
DOCKER = f"/{TOP}/docker/{ID}"


def container(bundle: Bundle) -> Container:
    """Return a container like docker's, which connects on demand."""
    return Container(bundle, DOCKER, "/bin/busybox", *connecting())


def filtered(netns: NetNs, *options: str) -> Watch:
    """Return the tool with a filter, ready."""
    return Watch(netns, *options, columns="container_id")


def connect() -> None:
    """Connect from outside of all containers."""
    attempt("127.0.0.9", PORT)


def shown(watch: Watch) -> list[Any]:
    """Stop the tool; return the containers of its events."""
    assert watch.tool.stop() == 0
    return [event["container_id"] for event in watch.events(0)]


@pytest.mark.parametrize("name", [ID, ID[:12], ID[:5]])
def test_container_by_its_id(netns: NetNs, bundle: Bundle, name: str) -> None:
    """All that connects in it is shown, and nothing of others."""
    with (
        container(bundle) as inside,
        filtered(netns, "--container", name) as watch,
    ):
        inside.run()
        connect()
        inside.run()
        assert shown(watch) == [ID, ID]


def test_container_that_is_not_there_yet(bundle: Bundle) -> None:
    """The tool takes no name of what does not run, since it may never come."""
    ended = run_tool("--container", ID[:12])
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"tcpconnect: no container {ID[:12]!r}")
    with container(bundle):
        ended = run_tool("--container", f"{ID[:11]}x")
    assert ended.returncode == 2
    assert f"did you mean {ID[:12]}?" in ended.stderr


def test_container_that_is_started_again(netns: NetNs, bundle: Bundle) -> None:
    """It is another one, with other cgroups: the tool must be started again, too.

    A cgroup above it, which stays, passes both.
    """
    with (
        container(bundle) as first,
        filtered(netns, "--container", ID[:12]) as watch,
        filtered(netns, "--cgroup", TOP) as above,
    ):
        first.run()
        first.end()
        with container(bundle) as second:
            second.run()
        assert shown(watch) == [ID]
        assert shown(above) == [ID, ID]


@pytest.mark.parametrize(
    "cgroup", [f"/{TOP}/plain", f"/{TOP}/a/b.scope"], ids=["plain", "deep"]
)
def test_container_of_plain_runc(netns: NetNs, bundle: Bundle, cgroup: str) -> None:
    """Its cgroup does not say that it is one: its state file does, with its name."""
    name = f"tcpc-web-{os.getpid()}"
    work = ("/bin/busybox", *connecting())
    columns = "container container_id runtime"
    with (
        Container(bundle, cgroup, *work, name=name, state=RUNC) as inside,
        Watch(netns, "--container", name, columns=columns) as watch,
    ):
        inside.run()
        connect()
        inside.run()
        assert watch.tool.stop() == 0
        events = [list(event.values())[2:] for event in watch.events(2)]
    assert events == [[name, name, "runc"]] * 2


IN_NAMESPACE = """\
#!/bin/sh
echo $$ >{cgroup}/cgroup.procs
exec unshare --cgroup --mount sh -c '
mount -t cgroup2 none {mount}
exec {tool} "$@"' sh "$@"
"""


@pytest.mark.parametrize(
    ("path", "expected"), [("a", ["/a"]), ("/", ["/", "/a"]), ("/a/", ["/a"])]
)
def test_cgroups_in_a_namespace(
    netns: NetNs,
    cgroups: Callable[..., Cgroup],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    expected: list[str],
) -> None:
    """In a container, paths begin at the container's own cgroup."""
    inner = cgroups("container", "a")
    outer = inner.folder.parent
    (tmp_path / "cgroup").mkdir()
    script = tmp_path / "tcpconnect"
    script.write_text(
        IN_NAMESPACE.format(cgroup=outer, mount=tmp_path / "cgroup", tool=launch.TOOL)
    )
    script.chmod(0o755)
    monkeypatch.setattr(launch, "TOOL", script)

    def enter_outer() -> None:
        (outer / "cgroup.procs").write_text("0")

    with (
        Child(connect, enter_outer) as in_outer,
        Child(connect, inner.enter) as in_inner,
        Watch(netns, "--cgroup", path, columns="cgroup") as watch,
    ):
        connect()
        in_outer.run()
        in_inner.run()
        assert watch.tool.stop() == 0
        top = inner.path.removesuffix("/a")
        found = [event["cgroup"].removeprefix(top) or "/" for event in watch.events(0)]
    assert found == expected
