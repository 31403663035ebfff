"""No probe is left behind, and none is let go by mistake, whatever holds us up."""

from __future__ import annotations

import errno
import mmap
import os
import signal
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from tcpconnect.batch import Warnings
from tcpconnect.kernel import closing, libc, mappings, uprobes
from tcpconnect.kernel.libraries import Libraries
from tcpconnect.kernel.uprobes import Uprobes
from tcpconnect.machine import processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tcpconnect.kernel.libc import Library


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process has a library mapped, and is the only one there is."""
    path = tmp_path / "libc.so.6"
    path.write_bytes(bytes(4096))
    monkeypatch.setattr(processes, "pids", lambda: [os.getpid()])
    monkeypatch.setattr(libc, "roots", list)
    access = mmap.PROT_READ | mmap.PROT_EXEC
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 4096, prot=access):
        yield


def attach_to(
    opened: list[int], then: Callable[[], None]
) -> Callable[[Library], list[int]]:
    """Return what attaches to libraries; something happens meanwhile."""

    def attach(_: Library) -> list[int]:
        opened.append(os.open(__file__, os.O_RDONLY))
        then()
        return opened[-1:]

    return attach


def is_open(fd: int) -> bool:
    """Whether a descriptor is one that ``attach_to`` has opened."""
    try:
        return os.readlink(f"/proc/self/fd/{fd}") == __file__
    except FileNotFoundError:
        return False


@pytest.mark.usefixtures("library")
def test_closed_while_it_attaches() -> None:
    """What a file system has held up until after the end is detached at once."""
    opened: list[int] = []

    def close() -> None:
        libraries.stopped = True
        libraries.close()

    libraries = Libraries(attach_to(opened, close), None, Warnings(), at_once=True)
    libraries.scan()
    assert len(opened) == 1
    assert not is_open(opened[0])
    libraries.scan()
    assert len(opened) == 1
    libraries.close()


@pytest.mark.usefixtures("library")
def test_stopped_before_it_attaches() -> None:
    """Nothing is attached after the stop."""
    opened: list[int] = []
    libraries = Libraries(
        attach_to(opened, lambda: None), None, Warnings(), at_once=True
    )
    libraries.stopped = True
    libraries.begin()
    libraries.scan()
    assert opened == []
    libraries.close()


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("where", ["pids", "roots", "maps"])
@pytest.mark.parametrize("error", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_used_up(monkeypatch: pytest.MonkeyPatch, where: str, error: int) -> None:
    """What can't be looked at, for want of descriptors or memory, keeps its probes."""
    opened: list[int] = []
    libraries = Libraries(
        attach_to(opened, lambda: None), None, Warnings(), at_once=True
    )
    libraries.scan()
    probed = set(opened)

    def fail(*_: object, **__: object) -> list[int]:
        raise OSError(error, os.strerror(error))

    with monkeypatch.context() as patch:
        if where == "maps":
            patch.setattr(mappings, "open", fail, raising=False)
        else:
            patch.setattr(processes if where == "pids" else libc, where, fail)
        libraries.scan()
        libraries.scan()
    assert all(map(is_open, probed))
    notice = f"some names from libc are missing: {os.strerror(error)}"
    assert list(libraries.warnings.take()) == [notice]
    libraries.close()
    assert not any(map(is_open, opened))


@pytest.mark.parametrize(
    ("error", "multi"),
    [
        (errno.EBADF, True),
        (errno.ENOENT, True),
        (errno.EINVAL, False),
        (errno.EPERM, False),
        (errno.EMFILE, False),
        (errno.ENOMEM, False),
        (errno.ENOSYS, False),
    ],
)
def test_what_the_kernel_has(
    monkeypatch: pytest.MonkeyPatch,
    error: int,
    multi: bool,  # noqa: FBT001
) -> None:
    """That a place is refused, and nothing else, tells that there are such links."""

    def refuse(*_: object) -> int:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(uprobes, "_multi", refuse)
    monkeypatch.setattr(uprobes, "_perf_type", lambda: 7)
    assert Uprobes(0).multi is multi


def test_stop_while_events_are_closed() -> None:
    """A thread that detaches one by one leaves the rest to who closes all."""
    libraries = Libraries(lambda _: [], None, Warnings(), at_once=False)
    fds = [os.open(__file__, os.O_RDONLY) for _ in range(3)]
    libraries.stopped = True
    libraries._detach(list(fds))  # noqa: SLF001 (at this moment)
    assert all(map(is_open, fds))
    libraries.close()
    assert not any(map(is_open, fds))


@pytest.mark.parametrize("refused", [False, True])
def test_left_to_a_process(
    monkeypatch: pytest.MonkeyPatch,
    refused: bool,  # noqa: FBT001
) -> None:
    """What would take too long is; where there can't be one, it is closed here."""
    forked = Mock(return_value=1, side_effect=BlockingIOError if refused else None)
    monkeypatch.setattr(os, "fork", forked)
    monkeypatch.setattr(closing, "PATIENCE_S", -1)
    libraries = Libraries(lambda _: [], None, Warnings(), at_once=False)
    fds = [os.open(__file__, os.O_RDONLY) for _ in range(3)]
    libraries.process_ends = libraries.stopped = True
    libraries._detach(list(fds))  # noqa: SLF001 (at this moment)
    libraries.close()
    forked.assert_called_once()
    assert not any(map(is_open, fds))
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()
