"""Which C libraries have probes, while containers come and go."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tcpconnect import trace
from tcpconnect.kernel import libc, libraries, uprobes
from tcpconnect.kernel.attempts import Attempts
from tcpconnect.kernel.lookups import Lookups
from tcpconnect.kernel.preflight import ready_library
from tcpconnect.machine import processes
from tcpconnect.settings import Settings
from tests.support import launch
from tests.support.attempts import attempt
from tests.support.containers import Looker, make_image
from tests.support.mapper import mapped, small_libraries
from tests.support.probes import probed
from tests.support.tool import Tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tcpconnect.batch import Batch
    from tcpconnect.kernel.answers import Share

pytestmark = pytest.mark.usefixtures("known_libraries")

VANISHED, VANISHED_BY_PERF = 60, 10
# What is attached at the stop: events of perf, six a library, the kernel detaches one
# by one, and takes 30 to 130 ms for each.
ATTACHED, ATTACHED_BY_PERF = 300, 20
STOP_S, LINE_S = 2.0, 1.0


# The tool where it takes the kernel for one without uprobe_multi.
BY_PERF = """#!{python}
import errno
from tcpconnect.__main__ import main
from tcpconnect.kernel import uprobes

def refuse(*_):
    raise OSError(errno.EINVAL, "")

uprobes._multi = refuse
raise SystemExit(main())
"""


@pytest.fixture
def sweep_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for libraries that none uses each time that there is something to do."""
    monkeypatch.setattr(libraries, "SWEEP_NS", 0)
    monkeypatch.setattr(libraries, "SHARE", 0)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A root directory with a C library that no other has."""
    return make_image(tmp_path / "root", "glibc")


@pytest.fixture
def share() -> Iterator[Share]:
    """What gives the programs the ring buffer that records go to."""
    source = Attempts(ready_library(), Settings(ports=frozenset({7})))
    yield source.share
    source.close()


def looked(batches: Iterator[Batch], count: int) -> Callable[[], bool]:
    """Return whether so many libraries have probes, while the loop runs."""

    def look() -> bool:
        next(batches)
        return probed() == count

    return look


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


MANY = "programs map more C libraries than can be looked at in time"


@pytest.mark.parametrize(
    ("bound", "found", "reason"),
    [("MAX_LOOKS", 8, MANY), ("MAX_LIBRARIES", 4, "there are more than 4 C libraries")],
)
def test_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, found: int, reason: str
) -> None:
    """A warning says once that a limit is reached; the rest is found later."""
    paths = small_libraries(tmp_path, 8)
    with trace(ports=[7], dns=True, name_sources=["libc"]) as events:
        before, batches = probed(), events.batches()
        next(batches)
        said = len(events.warnings)
        monkeypatch.setattr(libraries, "SCAN_NS", 10**8)
        monkeypatch.setattr(libraries, "LOOKS_NS", 10**12)
        monkeypatch.setattr(libraries, bound, 4 if bound == "MAX_LOOKS" else before + 4)
        reason = reason.replace("4", f"{before + 4}")
        with mapped(paths):
            wait_until(looked(batches, before + found), "probes")
            next(batches)
    notice = f"some names from libc are missing: {reason}"
    assert [line for line in events.warnings[said:] if "missing" in line] == [notice]


@pytest.mark.usefixtures("netns", "sweep_always")
@pytest.mark.parametrize("by_perf", [False, True])
def test_lines_while_libraries_vanish(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    by_perf: bool,  # noqa: FBT001
) -> None:
    """An attempt is shown within a second, however many are released."""
    if by_perf:
        monkeypatch.setattr(uprobes, "_multi", has_no_links)
    count = VANISHED_BY_PERF if by_perf else VANISHED
    paths = small_libraries(tmp_path, count)
    with trace(
        pids=[os.getpid()], ports=[7], dns=True, name_sources=["libc"]
    ) as events:
        before, batches = probed(), events.batches()
        with mapped(paths):
            wait_until(looked(batches, before + count), "probes")
        waits = []
        while probed() > before:
            begin = time.monotonic()
            attempt("127.0.0.1", 7)
            while not next(batches).events:
                pass
            waits.append(time.monotonic() - begin)
    assert max(waits) < LINE_S


@pytest.mark.usefixtures("netns")
@pytest.mark.parametrize("by_perf", [False, True])
def test_stop_with_many_libraries(
    tmp_path: Path,
    share: Share,
    monkeypatch: pytest.MonkeyPatch,
    by_perf: bool,  # noqa: FBT001
) -> None:
    """The tool ends in time, and so do its probes; what is left to do ends by itself.

    By perf, which is the only way before Linux 6.6, that takes longer.
    """
    lookups = Lookups(ready_library(), share).begun()
    multi = lookups._uprobes.multi  # noqa: SLF001
    lookups.close()
    if by_perf and not multi:
        pytest.skip("there is no other way here: that is the other case")
    at_once = multi and not by_perf
    if by_perf:
        script = tmp_path / "tcpconnect"
        script.write_text(BY_PERF.format(python=sys.executable))
        script.chmod(0o755)
        monkeypatch.setattr(launch, "TOOL", script)
    count = ATTACHED if at_once else ATTACHED_BY_PERF
    options = ("-P", 7, "-d", "--names", "libc")
    with mapped(small_libraries(tmp_path, count)), Tool(*options) as tool:
        pid = tool.process.pid
        wait_until(lambda: probed(pid) >= count, "probes")
        user = user_of(pid)
        began = time.monotonic()
        assert tool.stop() == 0
        assert time.monotonic() - began < STOP_S
        assert tool._pipes == {}  # noqa: SLF001 (nobody has the other ends)
        left = processes_of(user)
        wait_until(lambda: not any(map(exists, left)), "the end of all probes")
        assert processes_of(user) == []


def has_no_links(*_: object) -> int:
    """Answer as a kernel without uprobe_multi does."""
    raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))


def processes_of(user: str) -> list[int]:
    """Return the processes of a user."""
    found = []
    for pid in processes.pids():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if user_of(pid) == user:
                found.append(pid)
    return found


def exists(pid: int) -> bool:
    """Tell whether there is a process of that number."""
    return Path(f"/proc/{pid}").exists()


def user_of(pid: int) -> str:
    """Return the user IDs of a process."""
    status = Path(f"/proc/{pid}/status").read_text(errors="replace")
    return status.partition("\nUid:")[2].partition("\n")[0]


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
