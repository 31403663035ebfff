"""tcpconnect record, started as root: whom it becomes, and whose its files are."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import PORT, attempt
from tests.support.mounts import private_mounts
from tests.support.privileges import (
    BPF,
    PERFMON,
    READ_ALL,
    SYS_ADMIN,
    SYS_PTRACE,
    bits,
    status_of,
)
from tests.support.recorder import COUNT, asked, record
from tests.support.system import sh
from tests.support.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("netns")

OURS, OURS_GROUP, OWNER, OWNERS = 54401, 54402, 54403, 54404
KEPT = {SYS_PTRACE, READ_ALL, "CAP_CHECKPOINT_RESTORE", SYS_ADMIN, BPF, PERFMON}
DEFAULT = Path("/var/lib/tcpconnect")


@contextmanager
def machine(*lines: str) -> Iterator[Path]:
    """Have a machine with these lines in /etc/passwd more, and an empty /var/lib.

    Yield a directory for files.
    """
    with TemporaryDirectory(prefix="tcpconnect-test-") as name, private_mounts():
        os.chmod(name, 0o755)  # noqa: S103 (others may look into it)
        passwd = Path(name, "passwd")
        before = Path("/etc/passwd").read_text().splitlines()
        others = [line for line in before if not line.startswith("tcpconnect:")]
        passwd.write_text("\n".join((*others, *lines, "")))
        sh(f"mount --bind {passwd} /etc/passwd")
        sh("mount -t tmpfs -o mode=755 none /var/lib")
        yield Path(name)


def user(name: str, uid: int, gid: int) -> str:
    """Return a line of /etc/passwd."""
    return f"{name}:x:{uid}:{gid}::/:/usr/sbin/nologin"


def who(tool: Tool) -> tuple[int, int, str]:
    """Return user, group, and further groups of a process."""
    status = Path(f"/proc/{tool.process.pid}/status").read_text()
    ids = {n: re.search(rf"^{n}:\t(.*)$", status, re.MULTILINE) for n in ("Uid", "Gid")}
    uids, gids = ({*found[1].split()} for found in ids.values() if found)
    (uid,), (gid,) = uids, gids
    groups = re.search(r"^Groups:\t(.*)$", status, re.MULTILINE)
    assert groups
    return int(uid), int(gid), groups[1].strip()


def owners(folder: Path) -> set[tuple[int, int]]:
    """Return users and groups of a directory and its files."""
    found = [each.stat() for each in (folder, *folder.iterdir())]
    return {(status.st_uid, status.st_gid) for status in found}


def test_the_user_tcpconnect() -> None:
    """It makes the directory, gives it to this user, and becomes it."""
    with machine(user("tcpconnect", OURS, OURS_GROUP)):
        with Tool("record", "-p", os.getpid()) as tool:
            attempt("127.0.0.9", PORT)
            assert who(tool) == (OURS, OURS_GROUP, "")
            assert b"recording as user 'tcpconnect'" in tool.stderr
            assert owners(DEFAULT) == {(OURS, OURS_GROUP)}
            assert tool.stop() == 0
        assert DEFAULT.stat().st_mode & 0o7777 == 0o750
        assert [each.name for each in DEFAULT.iterdir()] == ["history.db"]
        assert owners(DEFAULT) == {(OURS, OURS_GROUP)}
        assert asked(DEFAULT / "history.db", COUNT) == [(1,)]


def test_another_directory_of_that_user() -> None:
    """Where it may write as a member of the group, the file is this user's."""
    with machine(user("tcpconnect", OURS, OWNERS)) as folder:
        os.chown(folder, OWNER, OWNERS)
        folder.chmod(0o770)
        with record(folder / "h.db") as tool:
            assert who(tool) == (OURS, OWNERS, "")
            assert tool.stop() == 0
        assert (folder / "h.db").stat().st_uid == OURS


@pytest.mark.parametrize("named", [True, False])
def test_the_owner_of_the_directory(named: bool) -> None:  # noqa: FBT001
    """Where that user may not write it becomes the owner, who may have no name."""
    lines = [user("tcpconnect", OURS, OURS_GROUP)]
    lines += [user("alice", OWNER, OWNERS)] if named else []
    with machine(*lines) as folder:
        os.chown(folder, OWNER, OWNERS)
        folder.chmod(0o750)
        with record(folder / "h.db") as tool:
            attempt("127.0.0.9", PORT)
            assert who(tool) == (OWNER, OWNERS, "")
            name = "alice" if named else str(OWNER)
            assert f"recording as user '{name}'".encode() in tool.stderr
            assert tool.stop() == 0
        status = (folder / "h.db").stat()
        assert (status.st_uid, status.st_gid) == (OWNER, OWNERS)
        assert asked(folder / "h.db", COUNT) == [(1,)]


def test_no_such_user() -> None:
    """In a directory that root has made before, it stays root."""
    with machine():
        DEFAULT.mkdir(mode=0o755)
        with Tool("record", "-p", os.getpid()) as tool:
            assert who(tool)[:2] == (0, 0)
            assert b"recording as user 'root'" in tool.stderr
            assert tool.stop() == 0
        assert owners(DEFAULT) == {(0, 0)}


def test_the_user_comes_later() -> None:
    """A history that root has begun goes on as that user's."""
    with machine() as folder:
        for uid in (0, OURS):
            with Tool("record", "-p", os.getpid()) as tool:
                attempt("127.0.0.9", PORT)
                assert who(tool)[0] == uid
                assert tool.stop() == 0
            with (folder / "passwd").open("a") as passwd:
                passwd.write(f"{user('tcpconnect', OURS, OURS_GROUP)}\n")
        assert owners(DEFAULT) == {(OURS, OURS_GROUP)}
        assert asked(DEFAULT / "history.db", COUNT) == [(2,)]


def test_its_capabilities() -> None:
    """As that user it keeps only those that names from C libraries need."""
    ours = user("tcpconnect", OURS, OURS_GROUP)
    with machine(ours), Tool("record", "-p", os.getpid()) as tool:
        status = status_of(tool.process.pid)
        assert status.uid == OURS
        assert not status.permitted & ~bits(KEPT)
        assert status[3:] == (0, 0, 0, 1)  # it can't gain any
        assert tool.stop() == 0
