"""Users can't pass for root's containers, nor stall the tool by files in their home."""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import Child, attempt
from tests.support.mounts import private_mounts
from tests.support.system import sh
from tests.support.tool import Tool
from tests.support.waiting import is_quick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.processes import Cgroup

pytestmark = pytest.mark.usefixtures("netns")

USER, PORT = 54321, 4719
ROOTS, USERS, BOTH = (digit * 64 for digit in "abc")
STORE = "containers/storage/overlay-containers/containers.json"


def write(path: Path, stored: dict[str, str], owner: int) -> None:
    """Write what podman has stored: names by ID."""
    path.parent.mkdir(parents=True, exist_ok=True)
    entries = [{"id": each, "names": [name]} for each, name in stored.items()]
    path.write_text(json.dumps(entries))
    os.chown(path, owner, owner)


@contextmanager
def stores() -> Iterator[Path]:
    """Give root's podman and a user's what they store; yields the user's home."""
    with private_mounts():
        for folder in ("/var/lib/containers", "/run/containers", "/home"):
            os.makedirs(folder, exist_ok=True)
            sh(f"mount -t tmpfs none {folder}")
        home = Path("/home/mallory")
        passwd = Path("/home/passwd")
        line = f"mallory:x:{USER}:{USER}::{home}:/bin/sh\n"
        passwd.write_text(Path("/etc/passwd").read_text() + line)
        sh(f"mount --bind {passwd} /etc/passwd")
        write(Path("/var/lib", STORE), {ROOTS: "shop"}, 0)
        write(home / ".local/share" / STORE, {USERS: "shop", ROOTS: "evil"}, USER)
        yield home


def users_cgroup(make: Callable[..., Cgroup], name: str) -> Cgroup:
    """Make a cgroup of this name in one that is the user's."""
    group = make("alice", f"libpod-{name}.scope")
    for folder in (group.folder.parent, group.folder):
        os.chown(folder, USER, USER)
    return group


def connecting(group: Cgroup) -> Child:
    """Return the user's process in a cgroup, which connects on demand."""

    def begin() -> None:
        group.enter()
        os.setresuid(USER, USER, USER)

    return Child(lambda: attempt("127.0.0.1", PORT), begin)


def test_names(cgroups: Callable[..., Cgroup]) -> None:
    """Root's containers have root's names for them, a user's that user's."""
    groups = [
        cgroups(f"libpod-{ROOTS}.scope"),
        users_cgroup(cgroups, USERS),
        users_cgroup(cgroups, BOTH),
    ]
    expected = ["shop", "shop", BOTH[:12]]
    with (
        stores(),
        Tool("-jP", PORT, "--columns", "container") as tool,
    ):
        for group in groups:
            with connecting(group) as child:
                child.run()
        assert [event["container"] for event in tool.events(3)] == expected


def test_pretender(cgroups: Callable[..., Cgroup]) -> None:
    """A user's cgroup with the ID of root's container does not have its name."""
    group = users_cgroup(cgroups, ROOTS)
    with (
        stores(),
        Tool("-jP", PORT, "--columns", "container") as tool,
        connecting(group) as child,
    ):
        child.run()
        (event,) = tool.events(1)
        assert event["container"] == "evil"  # which is what the user calls it


@pytest.mark.parametrize("name", ["shop", ROOTS])
def test_filter(cgroups: Callable[..., Cgroup], name: str) -> None:
    """--container takes root's, where users have one of that name or ID."""
    roots = cgroups(f"libpod-{ROOTS}.scope")
    others = [users_cgroup(cgroups, each) for each in (USERS, ROOTS)]
    with (
        stores(),
        Tool("-jP", PORT, "--container", name, "--columns", "cgroup") as tool,
    ):
        for group in (*others, roots):
            with connecting(group) as child:
                child.run()
        assert [event["cgroup"] for event in tool.events(1)] == [roots.path]
        assert tool.stop() == 0
        assert len(tool.all_events()) == 1


def test_stall(cgroups: Callable[..., Cgroup]) -> None:
    """A file that takes seconds to read, 41 times linked, delays no other's line."""
    group = users_cgroup(cgroups, USERS)
    with stores() as home:
        file = home / ".local/share" / STORE
        entry = json.dumps({"id": BOTH, "names": []})
        file.write_text(f"[{','.join([entry] * ((16 << 20) // len(entry)))}]")
        for n in range(41):
            os.link(file, file.with_name(f"{n}-containers.json"))

        def line_s() -> float:
            with (
                Tool("-jP", PORT, "--columns", "container") as tool,
                connecting(group) as child,
            ):
                child.run()
                began = time.monotonic()
                (event,) = tool.events(1)
                assert event["container"] == USERS[:12]
                return time.monotonic() - began

        assert is_quick(line_s, 5)  # took 15 s
