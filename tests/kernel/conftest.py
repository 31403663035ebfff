"""Fixtures of tests on the real kernel, and where those run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tcpconnect.bpf.object import BpfObject
from tcpconnect.kernel import libraries
from tcpconnect.kernel.ahead import attached
from tcpconnect.settings import Settings
from tests.support.groups import is_user_space
from tests.support.launch import hear_ignored_signals
from tests.support.mapper import mapped
from tests.support.network import NetNs, inside
from tests.support.ports import reserved
from tests.support.processes import Cgroup, unified
from tests.support.runc import TOP, Bundle
from tests.support.system import ip_batch, sh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tcpconnect.kernel.answers import Share


def pytest_configure() -> None:
    """Let the tests run in the background, and under nohup(1)."""
    hear_ignored_signals()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests here; skip them, saying why, where they can't run.

    In CI they are never skipped: there they run or fail.
    """
    reason = _why_not()
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        item.add_marker(pytest.mark.kernel)
        if is_user_space(item.path):
            item.add_marker(pytest.mark.user_space)
        if reason and "CI" not in os.environ:
            item.add_marker(pytest.mark.skip(reason=reason))


def _why_not() -> str:
    if os.geteuid():
        return "tests on the kernel need root"
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        return "tests on the kernel need one with BTF"
    return ""


@pytest.fixture
def netns() -> Iterator[NetNs]:
    """A network namespace of its own, which the test (and its children) runs in."""
    space = NetNs()
    try:
        with inside(space):
            yield space
    finally:
        space.remove()


@pytest.fixture
def far(netns: NetNs) -> Iterator[NetNs]:
    """A second namespace, a router with three kinds of network behind it.

    10.1.0.2 and fd00:1::2 are its own addresses (ours are .1 and ::1); it drops what
    goes to 10.2.0.0/16 and fd00:2::/64, and answers "host unreachable" for
    10.3.0.0/16.
    """
    space = NetNs()
    try:
        ip_batch(
            f"""\
            link add near type veth peer name far netns {space.name}
            addr add 10.1.0.1/24 dev near
            addr add fd00:1::1/64 dev near nodad
            link set near up
            route add default via 10.1.0.2
            route add default via fd00:1::2
            """,
            *("-n", netns.name),
        )
        ip_batch(
            """\
            addr add 10.1.0.2/24 dev far
            addr add fd00:1::2/64 dev far nodad
            link set far up
            route add blackhole 10.2.0.0/16
            route add blackhole fd00:2::/64
            route add unreachable 10.3.0.0/16
            """,
            *("-n", space.name),
        )
        space.sysctl("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        yield space
    finally:
        space.remove()


@pytest.fixture
def objects_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects stay open after the start: the test attaches programs, or reads maps."""
    monkeypatch.setattr(BpfObject, "forget", lambda *_: None)


@pytest.fixture
def bpffs(tmp_path: Path) -> Iterator[Path]:
    """A bpffs of the test's own: the machine's may be missing, or in use."""
    path = tmp_path / "bpf"
    path.mkdir()
    sh(f"mount -t bpf bpf {path}")
    try:
        yield path
    finally:
        sh(f"umount --lazy {path}")


@pytest.fixture
def cgroups() -> Iterator[Callable[..., Cgroup]]:
    """Return a function that makes cgroups, of v2 unless another one is given."""
    made: list[Cgroup] = []

    def make(*names: str, hierarchy: Path | None = None) -> Cgroup:
        made.append(Cgroup(hierarchy or unified(), *names))
        return made[-1]

    yield make
    for cgroup in made:
        cgroup.remove()


@pytest.fixture(scope="module")
def known_libraries() -> Iterator[None]:
    """Tools have seen the C libraries of other tests, whose programs come and go."""
    with mapped(list(Path("/lib").glob("ld-musl-*.so.1"))):
        yield


@pytest.fixture
def bundle(tmp_path: Path) -> Iterator[Bundle]:
    """A container's bundle; the cgroups that runc leaves behind are removed."""
    yield Bundle(tmp_path)
    for folder in Path("/sys/fs/cgroup").glob(f"**/{TOP}"):
        for inner in sorted(folder.glob("**/"), reverse=True):
            inner.rmdir()


@pytest.fixture
def port() -> Iterator[int]:
    """Yield a port that is free."""
    with reserved() as port:
        yield port


@pytest.fixture
def sweep_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for libraries that none uses each time that there is something to do."""
    monkeypatch.setattr(libraries, "SWEEP_NS", 0)
    monkeypatch.setattr(libraries, "SHARE", 0)


@pytest.fixture
def share() -> Iterator[Share]:
    """What gives the programs the ring buffer that records go to."""
    source = attached(Settings(ports=frozenset({7})))
    yield source.share
    source.close()
