"""-d: of several names of an address, that which was seen nearest to the program."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import Child, attempt
from tests.support.mounts import etc
from tests.support.network import NetNs
from tests.support.resolvers import look_up, serve
from tests.support.system import sh
from tests.support.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


ADDRESS = "192.0.2.3"  # which means the same everywhere


class Places:
    """Makes cgroups and network namespaces; all are gone when the test is over."""

    def __init__(self, stack: ExitStack, hierarchy: Path) -> None:
        self._stack = stack
        self._hierarchy = hierarchy
        sh(f"mount -t cgroup2 none {hierarchy}")
        stack.callback(sh, f"umount --lazy {hierarchy}")

    def netns(self) -> NetNs:
        """Return a new network namespace."""
        made = NetNs()
        self._stack.callback(made.remove)
        made.ip(f"route add local {ADDRESS} dev lo")
        return made

    def cgroup(self) -> Path:
        """Return a new cgroup."""
        number = len(list(self._hierarchy.glob(f"names-{os.getpid()}-*")))
        made = self._hierarchy / f"names-{os.getpid()}-{number}"
        made.mkdir()
        self._stack.callback(made.rmdir)
        return made

    def process(self, netns: NetNs, cgroup: Path, *work: Callable[[], object]) -> Child:
        """Return a process there that does one of these each time that it is run."""

        def enter() -> None:
            netns.enter()
            (cgroup / "cgroup.procs").write_text("0")

        def step() -> None:
            next(steps)()

        steps = iter(work)
        return self._stack.enter_context(Child(step, enter))

    @property
    def root(self) -> Path:
        """The cgroup of all processes if cgroup v2 is not used."""
        return self._hierarchy


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Places]:
    """Cgroups and network namespaces to make."""
    hierarchy = tmp_path / "cgroup"
    hierarchy.mkdir()
    with ExitStack() as stack:
        yield Places(stack, hierarchy)


def learn(name: str) -> Callable[[], object]:
    """Return work: to learn by DNS that ADDRESS has a name."""

    def work() -> None:
        with serve({f"{name}.": [ADDRESS]}):
            assert look_up(name) == {ADDRESS}

    return work


def connect() -> None:
    """Connect to ADDRESS."""
    attempt(ADDRESS, 7)


@contextmanager
def tracing(*children: Child) -> Iterator[Callable[[], list[str | None]]]:
    """Trace children; yields a function that has each connect once.

    It returns the names that the tool then shows.
    """
    pids = ",".join(str(child.pid) for child in children)
    with Tool("-p", pids, "-P", 7, "-dj") as tool:

        def names() -> list[str | None]:
            seen = len(tool.all_events())
            for child in children:
                child.run()
            events = tool.events(seen + len(children))[seen:]
            assert [event["pid"] for event in events] == [c.pid for c in children]
            return [event["query"] for event in events]

        yield names


@pytest.mark.parametrize("own", ["cgroup and netns", "cgroup", "netns"])
def test_two_containers(places: Places, own: str) -> None:
    """Containers that know one address by two names each show their own.

    It is enough when they have cgroups of their own or network namespaces of their own.
    """
    one_netns, one_cgroup = places.netns(), places.cgroup()
    containers = [
        places.process(
            places.netns() if "netns" in own else one_netns,
            places.cgroup() if "cgroup" in own else one_cgroup,
            *(learn(name), connect, connect),
        )
        for name in ("a.example", "b.example")
    ]
    with tracing(*containers) as names:
        for container in containers:
            container.run()
        assert names() == ["a.example", "b.example"]
        assert names() == ["a.example", "b.example"]


def test_containers_of_cgroup_v1(places: Places) -> None:
    """Where all are in the root of cgroup v2, each container shows its own name."""
    containers = [
        places.process(places.netns(), places.root, learn(name), connect)
        for name in ("a.example", "b.example")
    ]
    with tracing(*containers) as names:
        for container in containers:
            container.run()
        assert names() == ["a.example", "b.example"]


def test_stranger(places: Places) -> None:
    """A process that did not ask shows the newest name that any process got."""
    first, second, stranger = (
        places.process(places.netns(), places.cgroup(), *work)
        for work in ([learn("a.example")], [learn("b.example")], [connect])
    )
    with tracing(stranger) as names:
        first.run()
        second.run()
        assert names() == ["b.example"]


def test_cgroup_before_netns(places: Places) -> None:
    """A name of the same cgroup counts more than a newer one of the same netns."""
    netns, cgroup = places.netns(), places.cgroup()
    process = places.process(netns, cgroup, connect)
    by_cgroup = places.process(places.netns(), cgroup, learn("cgroup.example"))
    by_netns = places.process(netns, places.cgroup(), learn("netns.example"))
    with tracing(process) as names:
        by_cgroup.run()
        by_netns.run()
        assert names() == ["cgroup.example"]


def test_netns_before_any(places: Places) -> None:
    """A name of the same network namespace counts more than newer ones elsewhere."""
    netns = places.netns()
    process = places.process(netns, places.cgroup(), connect)
    by_netns = places.process(netns, places.cgroup(), learn("netns.example"))
    other = places.process(places.netns(), places.cgroup(), learn("other.example"))
    with tracing(process) as names:
        by_netns.run()
        other.run()
        assert names() == ["netns.example"]


def test_own_lookup_before_cgroup(places: Places, tmp_path: Path) -> None:
    """What the process itself looked up counts more than news in its cgroup."""
    place = places.netns(), places.cgroup()

    def look_up_mine() -> None:
        assert socket.getaddrinfo("mine.example", 7)

    with etc(tmp_path, f"{ADDRESS} mine.example\n"):
        process = places.process(*place, look_up_mine, connect)
    other = places.process(*place, learn("other.example"), connect)
    with tracing(process, other) as names:
        process.run()
        other.run()
        assert names() == ["mine.example", "other.example"]


def test_newest_of_each(places: Places) -> None:
    """Of the names of the same cgroup, the newest is shown."""
    process = places.process(
        *(places.netns(), places.cgroup()),
        *(learn("old.example"), connect, learn("new.example"), connect),
    )
    with tracing(process) as names:
        process.run()
        assert names() == ["old.example"]
        process.run()
        assert names() == ["new.example"]
