"""Names of containers that users run, from files of theirs."""

from __future__ import annotations

import errno
import json
import os
import socket
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from tcpconnect.enrich import files
from tcpconnect.enrich.allowance import Allowance
from tcpconnect.enrich.container import Container
from tcpconnect.enrich.container_names import name_of
from tcpconnect.enrich.mounts import Mounts
from tests.support.descriptors import left_open
from tests.support.runtime_files import write

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def our_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take files of ours for the machine's, and none as read before."""
    monkeypatch.setattr(files, "MACHINE", os.geteuid())
    monkeypatch.setattr(files, "_all", Allowance(files.ALL_BYTES))
    monkeypatch.setattr(files, "_each", {})


A = "0123456789abcdef" * 4
STORAGE = "containers/storage/overlay-containers"
USER = os.geteuid() or 1000
HOME = "home/alice/.local/share"
PODMAN = Container("podman", A, None)


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Work in a folder: paths of sockets are short."""
    before = Path.cwd()
    os.chdir(folder)
    yield
    os.chdir(before)


class User:
    """A user with a home, whose podman keeps a file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        passwd = f"root:x:0:0::/root:/bin/sh\nalice:x:{USER}:1::/home/alice:/bin/sh\n"
        write(root, "etc/passwd", passwd)

    def store(self, path: str, *names: str) -> Path:
        """Write the file."""
        write(self.root, path, json.dumps([{"id": A, "names": names}]))
        os.chown(self.root / path, USER, -1)
        return self.root / path

    def name(self, owner: int = USER) -> str | None:
        """Return the name of a container of this owner's."""
        return name_of(PODMAN, str(self.root), owner)


@pytest.fixture
def user(tmp_path: Path) -> User:
    """A user below tmp_path."""
    return User(tmp_path)


@pytest.mark.parametrize(
    "path",
    [
        f"{HOME}/{STORAGE}/containers.json",
        f"{HOME}/{STORAGE}/volatile-containers.json",
        f"{HOME}/containers/storage/vfs-containers/containers.json",
        f"{HOME}/containers/storage/btrfs-containers/containers.json",
        f"run/user/{USER}/containers/overlay-containers/volatile-containers.json",
    ],
)
def test_a_users_container(user: User, path: str) -> None:
    """Its name is in a file of the user's, who names no other's containers."""
    user.store(path, "web")
    assert user.name() == "web"
    assert user.name(owner=USER + 1) is None
    assert user.name(owner=0) is None
    assert name_of(Container("cri-o", A, None), str(user.root), USER) is None


@pytest.mark.parametrize("path", ["containers.json", "x-containers.json"])
def test_other_files(user: User, path: str) -> None:
    """No file that podman does not write is read."""
    user.store(f"{HOME}/containers/storage/x-containers/{path}", "web")
    user.store(f"{HOME}/{STORAGE}/x-containers.json", "web")
    assert user.name() is None


def test_file_of_another(user: User) -> None:
    """What another has put there names nothing: a hard link, a link on the way."""
    file = user.store(f"{HOME}/{STORAGE}/containers.json", "web")
    os.link(file, user.root / "link")
    assert user.name() is None
    (user.root / "link").unlink()
    assert user.name() == "web"
    storage = file.parent.parent
    storage.rename(user.root / "elsewhere")
    storage.symlink_to(user.root / "elsewhere")
    assert user.name() is None


def test_pipe_of_a_user(user: User) -> None:
    """A pipe does not stop the tool."""
    file = user.store(f"{HOME}/{STORAGE}/containers.json", "web")
    file.unlink()
    os.mkfifo(file)
    assert user.name() is None


def test_long_file_of_a_user(user: User) -> None:
    """A file that takes long to understand is not read."""
    file = user.store(f"{HOME}/{STORAGE}/containers.json", "web")
    with file.open("a") as more:
        more.write(" " * files.USERS_MAX_BYTES)
    assert user.name() is None


def test_file_that_grows(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more is read than the file had when that was counted."""
    file = user.store(f"{HOME}/{STORAGE}/containers.json", "web")
    content = file.read_text()
    file.write_text("[]")
    real = files._content  # noqa: SLF001 (between opening and reading)

    def grown(*arguments: int) -> bytes:
        file.write_text(" " * files.FILE_BYTES + content)
        return real(*arguments)

    monkeypatch.setattr(files, "_content", grown)
    assert user.name() is None


def test_files_that_stall(user: User) -> None:
    """However many lookups and files a user has, they take little time a second."""
    entry = json.dumps({"id": "0" * 64, "names": ["x"]})
    entries = f"[{','.join([entry] * (files.USERS_MAX_BYTES // len(entry) - 1000))}]"
    for driver in ("overlay", "vfs", "btrfs", "zfs"):
        for name in ("containers.json", "volatile-containers.json"):
            path = f"{HOME}/containers/storage/{driver}-containers/{name}"
            file = user.root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(entries)
            os.chown(file, USER, -1)
    began = time.thread_time()
    for _ in range(100):
        assert user.name() is None
    assert time.thread_time() - began < 0.5


@pytest.mark.parametrize("kind", ["fifo", "folder", "socket"])
def test_no_file(user: User, kind: str) -> None:
    """What is there under the name of a user's file, and is none, names nobody."""
    file = user.store(f"{HOME}/{STORAGE}/containers.json", "web")
    file.unlink()
    if kind == "fifo":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    else:
        with socket.socket(socket.AF_UNIX) as server, inside(file.parent):
            server.bind(file.name)
    os.chown(file, USER, -1)
    assert user.name() is None
    assert left_open(user.name) == 0


def test_without_descriptors(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are none left, a container has no name, and the tool goes on."""
    user.store(f"{HOME}/{STORAGE}/containers.json", "web")

    def fail(*_: object, **__: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(files, "_mounts", Mounts())
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", fail)
        assert user.name() is None
    assert user.name() == "web"


def test_passwd_is_read_once(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it changes: each new cgroup of a user's has the home looked for."""
    passwd = user.root / "etc/passwd"
    os.utime(passwd, (1, 1))
    read = Mock(wraps=files._homes._read)  # noqa: SLF001 (what costs time)
    monkeypatch.setattr(files._homes, "_read", read)  # noqa: SLF001
    root = str(user.root)
    assert [files.home(USER, root) for _ in range(9)] == 9 * ["/home/alice"]
    read.assert_called_once()
    passwd.write_text(passwd.read_text().replace("/home/alice", "/home/bob"))
    assert files.home(USER, root) == "/home/bob"
