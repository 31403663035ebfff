"""Which C libraries have probes, while containers come and go."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tcpconnect import trace
from tcpconnect.kernel import libc
from tcpconnect.kernel.lookups import Lookups
from tcpconnect.kernel.preflight import ready_library
from tests.support.containers import Looker, make_image
from tests.support.mapper import mapped, small_libraries
from tests.support.probes import looked, probed
from tests.support.tool import Tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tcpconnect.kernel.answers import Share

pytestmark = pytest.mark.usefixtures("known_libraries")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A root directory with a C library that no other has."""
    return make_image(tmp_path / "root", "glibc")


@pytest.mark.usefixtures("sweep_always")
@pytest.mark.parametrize("container", [True, False])
def test_library_that_is_gone(tmp_path: Path, image: Path, container: bool) -> None:  # noqa: FBT001
    """It is released when unused, in a container and in our own root directory.

    As long as it has probes, its file system is in use, and its room on the disk.
    """
    with trace(ports=[7], dns=True, name_sources=["libc"]) as events:
        before, batches = probed(), events.batches()
        if container:
            with Looker(image, "none.example", image):
                wait_until(looked(batches, before + 1), "probes")
        else:
            paths = small_libraries(tmp_path, 1)
            with mapped(paths):
                wait_until(looked(batches, before + 1), "probes")
                paths[0].unlink()
                next(batches)
                assert probed() == before + 1
        wait_until(looked(batches, before), "fewer probes")


@pytest.mark.usefixtures("sweep_always")
def test_library_of_a_chroot(image: Path) -> None:
    """It is released when no process has that root, although its mounts exist."""
    with trace(ports=[7], dns=True, name_sources=["libc"]) as events:
        before, batches = probed(), events.batches()
        with Looker(Path("/looker"), "none.example", loader=["chroot", str(image)]):
            wait_until(looked(batches, before + 1), "probes")
        wait_until(looked(batches, before), "fewer probes")


def test_library_of_several(image: Path, share: Share) -> None:
    """A C library is kept as long as one of those who share it is there."""
    lookups = Lookups(ready_library(), share).begun()
    before = probed()
    with Looker(image, "none.example", image):
        with Looker(image, "none.example", image):
            lookups._libraries.scan()  # noqa: SLF001 (at this moment)
        lookups._libraries.scan()  # noqa: SLF001
        assert probed() == before + 1
    lookups._libraries.scan()  # noqa: SLF001
    assert probed() == before
    lookups.close()


def test_process_that_has_just_ended(
    image: Path, share: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process may end while its C library is looked for."""
    lookups = Lookups(ready_library(), share).begun()
    before = probed()
    looker = Looker(image, "none.example", image)
    real = libc.libraries

    def then_end(pid: int) -> list[libc.Library]:
        with looker:
            return list(real(pid))

    with monkeypatch.context() as patch:
        patch.setattr(libc, "libraries", then_end)
        lookups._libraries.look_at(looker.pid)  # noqa: SLF001 (at this moment)
    assert probed() == before + 1
    lookups._libraries.scan()  # noqa: SLF001
    assert probed() == before
    lookups.close()


def put_fifo(path: Path) -> None:
    """Nobody ever writes to it."""
    os.mkfifo(path)


def put_terminal(path: Path) -> None:
    """Who opens it may be ended by it."""
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(5, 2))


def put_links(path: Path) -> None:
    """A way of 30,000 names."""
    (path.parent / "a").mkdir()
    path.symlink_to("a/../" * 800 + "1")
    for i in range(1, 39):
        (path.parent / f"{i}").symlink_to("a/../" * 800 + f"{i + 1}")


def put_huge(path: Path) -> None:
    """Terabytes of ELF, on no disk."""
    with path.open("wb") as file:
        file.write(Path("/proc/self/exe").read_bytes()[:64] + bytes(range(256)) * 8)
        file.truncate(1 << 42)


@pytest.mark.parametrize("put", [put_fifo, put_terminal, put_links, put_huge])
@pytest.mark.usefixtures("netns")
def test_hostile_library(image: Path, put: Callable[[Path], None]) -> None:
    """A file in the place of a C library blocks nothing."""
    (image / "usr/lib").mkdir(parents=True, exist_ok=True)
    put(image / "usr/lib/libc.so.6")
    options = ("-P", 7, "-dj", "--names", "libc")
    with (
        Looker(image, "none.example", image) as looker,
        Tool("-p", looker.pid, *options) as tool,
    ):
        assert tool.stop() == 0


@pytest.mark.usefixtures("netns")
def test_threads_have_no_privileges_either() -> None:
    """The thread that looks at libraries begins when they have gone."""
    with Tool("-P", 7, "-d") as tool:
        tasks = Path(f"/proc/{tool.process.pid}/task")
        wait_until(lambda: len(list(tasks.iterdir())) > 1, "the thread")
        keys = ("Uid:", "Gid:", "Groups:", "Cap", "NoNewPrivs:", "Seccomp:")
        told = {
            tuple(
                line
                for line in (task / "status").read_text().splitlines()
                if line.startswith(keys)
            )
            for task in tasks.iterdir()
        }
        assert len(told) == 1
        assert "NoNewPrivs:\t1" in told.pop()
