"""Files that are opened for output: whose they are, and which are refused."""

from __future__ import annotations

import fcntl
import os
import signal
from typing import TYPE_CHECKING

import pytest

from tcpconnect.errors import OutputError
from tcpconnect.output import open_file

if TYPE_CHECKING:
    from pathlib import Path


def test_new_file(tmp_path: Path) -> None:
    """A new file is its owner's only."""
    path = tmp_path / "new"
    os.close(open_file(str(path)))
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"", 0o600)


def test_file_that_is_there(tmp_path: Path) -> None:
    """It is emptied, and its owner's choice of who may read it stays."""
    path = tmp_path / "old"
    path.write_text("old")
    path.chmod(0o640)
    os.close(open_file(str(path)))
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"", 0o640)


def test_device() -> None:
    """A target that is not a regular file is opened unchanged."""
    os.close(open_file(os.devnull))


def test_pipe_without_reader(tmp_path: Path) -> None:
    """Anyone may have put it there: it is not waited for. With a reader it will do."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(OutputError, match="nobody reads it"):
        open_file(str(path))
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    fd = open_file(str(path))
    assert os.get_blocking(fd)
    os.close(fd)
    os.close(reader)


def test_lease(tmp_path: Path) -> None:
    """Who has one on the file can't hold us up until the kernel breaks it: 45 s."""
    path = tmp_path / "file"
    path.touch()
    with path.open("rb") as holder:
        before = signal.signal(signal.SIGIO, signal.SIG_IGN)
        fcntl.fcntl(holder, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        with pytest.raises(OutputError, match="another program has a lease on it"):
            open_file(str(path))
        signal.signal(signal.SIGIO, before)


@pytest.mark.parametrize("kind", ["a symbolic link", "a hard link"])
def test_link(tmp_path: Path, kind: str) -> None:
    """A link of either kind is refused, and where it leads to is not touched."""
    target, path = tmp_path / "target", tmp_path / "link"
    target.write_text("precious")
    link = path.symlink_to if kind == "a symbolic link" else path.hardlink_to
    link(target)
    with pytest.raises(OutputError) as caught:
        open_file(str(path))
    assert kind in caught.value.reason
    assert target.read_text() == "precious"
