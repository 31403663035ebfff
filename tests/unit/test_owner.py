"""Whose a container is: of who could make its cgroup."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from tcpconnect.enrich.container import parse
from tcpconnect.enrich.files import ROOT
from tcpconnect.enrich.owner import A_CONTAINER, owner_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.root

ALICE = 1000
LIBPOD = f"libpod-{'0123456789abcdef' * 4}.scope"
SLICE = "/user.slice/user-1000.slice"
SERVICE = f"{SLICE}/user@1000.service"


def make(mount: Path, path: str, owner: int) -> None:
    """Make a cgroup and those above, which are root's if they are new."""
    folder = mount / path.lstrip("/")
    folder.mkdir(parents=True)
    os.chown(folder, owner, owner)


@pytest.mark.parametrize("below", ["", "/container", "/container/x"])
def test_who_made_it(tmp_path: Path, below: str) -> None:
    """It is the owner of the parent directory, whatever is in the container."""
    make(tmp_path, "/machine.slice", 0)
    make(tmp_path, f"/machine.slice/{LIBPOD}/container/x", 100_000)
    make(tmp_path, f"{SERVICE}/user.slice", ALICE)
    make(tmp_path, f"{SERVICE}/user.slice/{LIBPOD}/container/x", ALICE)
    mounts = [str(tmp_path)]
    assert owner_of(f"/machine.slice/{LIBPOD}{below}", mounts) == 0
    assert owner_of(f"{SERVICE}/user.slice/{LIBPOD}{below}", mounts) == ALICE


def test_in_a_container(tmp_path: Path) -> None:
    """A container whose root can make cgroups can not make one of this machine's."""
    inner = f"/machine.slice/{LIBPOD}/docker-{64 * 'b'}.scope"
    make(tmp_path, inner, 0)
    assert owner_of(inner, [str(tmp_path)]) == A_CONTAINER
    assert owner_of(f"{inner}/x", [str(tmp_path)]) == A_CONTAINER


def test_gone(tmp_path: Path) -> None:
    """When it is gone, a directory above counts, or the slice of a user."""
    mounts = [str(tmp_path)]
    assert owner_of(f"{SERVICE}/user.slice/{LIBPOD}", mounts) == ALICE
    make(tmp_path, SLICE, 0)
    assert owner_of(f"{SERVICE}/user.slice/{LIBPOD}", mounts) == ALICE
    make(tmp_path, "/of/alice", ALICE)
    assert owner_of(f"/of/alice/a/b/{LIBPOD}/c", mounts) == ALICE
    assert owner_of(f"/of/nobody/a/b/{LIBPOD}/c", mounts) == 0


def test_root_in_a_session(tmp_path: Path) -> None:
    """What root starts in a user's session is root's."""
    make(tmp_path, f"{SLICE}/session-3.scope/{LIBPOD}", 0)
    assert owner_of(f"{SLICE}/session-3.scope/{LIBPOD}", [str(tmp_path)]) == 0


def test_several_hierarchies(tmp_path: Path) -> None:
    """Where a user has one of them, it may be that user's."""
    make(tmp_path, f"a/docker/{LIBPOD}", 0)
    make(tmp_path, "b/docker", ALICE)
    mounts = [f"{tmp_path}/a", f"{tmp_path}/b"]
    assert owner_of(f"/docker/{LIBPOD}", mounts) == ALICE
    assert owner_of(f"/docker/{LIBPOD}", mounts[:1]) == 0


DEEP = "/lxc.payload.web" + 2000 * "/a"


def test_deep_cgroup() -> None:
    """A user may make cgroups as deep as paths can be long: it takes no longer."""
    began = time.thread_time()
    for number in range(100):
        assert owner_of(f"{DEEP}{number}", []) == ROOT
    assert time.thread_time() - began < 0.1


def test_deep_container() -> None:
    """What is too deep for a filter is in the container above."""
    for path in (f"{DEEP}/lxc.payload.other", DEEP):
        found = parse(path)
        assert found
        assert found.name == "web"
