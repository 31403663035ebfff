"""Network namespaces by paths that anyone may have made."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from tcpconnect.errors import UsageError
from tcpconnect.kernel.namespaces import open_netns
from tests.support.descriptors import left_open

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OURS = "/proc/self/ns/net"


def put_fifo(path: Path) -> None:
    """Nobody ever writes to it."""
    os.mkfifo(path)


def put_socket(path: Path) -> None:
    """It can't be opened."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def put_device(path: Path) -> None:
    """Devices act when they are opened: terminals, tapes, watchdogs."""
    path.symlink_to("/dev/ptmx")


def put_folder(path: Path) -> None:
    """It has no namespace."""
    path.mkdir()


def put_file(path: Path) -> None:
    """It has none either."""
    path.write_text("net:[1]")


def put_another(path: Path) -> None:
    """A namespace of another kind."""
    path.symlink_to("/proc/self/ns/mnt")


PUT = [put_fifo, put_socket, put_device, put_folder, put_file, put_another]


@pytest.mark.parametrize("put", PUT)
def test_something_else(
    tmp_path: Path, put: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is no file is not opened, and nothing is left open."""
    path = tmp_path / "x"
    put(path)
    opened = Mock(wraps=os.open)
    monkeypatch.setattr(os, "open", opened)

    def refuse() -> None:
        opened.reset_mock()
        with pytest.raises(UsageError, match="is not a network namespace"):
            open_netns(str(path))

    assert left_open(refuse) == 0
    if not path.is_file():
        assert [call.args[1] & os.O_PATH for call in opened.mock_calls] == [os.O_PATH]


def test_link(tmp_path: Path) -> None:
    """A link to a namespace is as good."""
    path = tmp_path / "link"
    path.symlink_to(OURS)
    fd = open_netns(str(path))
    assert os.fstat(fd).st_ino == os.stat(OURS).st_ino
    os.close(fd)


@pytest.mark.parametrize("way", ["loop", "nowhere", "process", "zombie"])
def test_nothing(tmp_path: Path, way: str) -> None:
    """Links may lead round, or nowhere; a process may have ended, or not quite."""
    path = tmp_path / "x"
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    if way == "process":
        child.wait()
    targets = {"loop": "x", "nowhere": "y"}
    path.symlink_to(targets.get(way, f"/proc/{child.pid}/ns/net"))
    with pytest.raises(UsageError, match="no network namespace"):
        open_netns(str(path))
    child.wait()
