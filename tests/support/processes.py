"""Programs, cgroups and containers that the tests of processes make."""

from __future__ import annotations

import ctypes
import json
import os
import secrets
import shutil
import traceback
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcpconnect.machine.cgroup import mount_point
from tests.support.attempts import PORT
from tests.support.system import CLONE_NEWNS, libc
from tests.support.tool import Tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from typing_extensions import Self

    from tests.support.network import NetNs

LOST = "127.0.0.1"
MS_REC, MS_PRIVATE = 0x4000, 0x40000

KEYS = ("ppid", "exe", "cmdline")


def busybox() -> Path:
    """Return a program that needs no library, and starts and connects within 1 ms."""
    found = shutil.which("busybox")
    assert found, "these tests need busybox: apt-get install busybox-static"
    return Path(found)


def connecting(address: str = LOST) -> list[str]:
    """Return the arguments with which busybox connects once, and ends."""
    return ["nc", address, str(PORT)]


def fork(work: Callable[[], object]) -> int:
    """Start a process that does the work, and does not return from it."""
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
    except BaseException:  # noqa: BLE001 (no exception may leave the fork)
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(0)


def quiet(null: int) -> None:
    """Let this process write to nowhere: it is refused, and would say so."""
    for fd in (0, 1, 2):
        os.dup2(null, fd)


def run(
    path: Path | int,
    arguments: Iterable[str | bytes],
    before: Callable[[], object] = lambda: None,
) -> int:
    """Execute a program in a process of its own; return its ID when it has ended."""

    def work() -> None:
        null = os.open(os.devnull, os.O_RDWR)
        before()
        quiet(null)
        os.execve(path, [*map(os.fsencode, arguments)], {})  # noqa: S606 (no shell)

    pid = fork(work)
    os.waitpid(pid, 0)
    return pid


def spawn(path: Path, arguments: list[str]) -> None:
    """Do the same in the quickest way."""
    null = os.devnull
    to_nowhere = [(os.POSIX_SPAWN_OPEN, fd, null, os.O_RDWR, 0) for fd in (0, 1, 2)]
    os.waitpid(os.posix_spawn(path, arguments, {}, file_actions=to_nowhere), 0)


class Watch:
    """The tool with the columns asked for, and its events of one network namespace."""

    def __init__(self, netns: NetNs, *options: str, columns: str = "") -> None:
        names = ["pid", "netns", "daddr", *(columns.split() or KEYS)]
        chosen = ("--columns", ",".join(names))
        self._inode = netns.inode
        self.tool = Tool("-j", "-P", PORT, *chosen, *options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.tool.__exit__(*details)

    def _mine(self, count: int) -> list[dict[str, Any]]:
        whole = self.tool.stdout.rpartition(b"\n")[0]
        events = [json.loads(line) for line in whole.splitlines()]
        events = [event for event in events if event["netns"] == self._inode]
        return events if len(events) >= count else []

    def events(self, count: int) -> list[dict[str, Any]]:
        """Return the events, once there are so many, without the namespace."""
        found = wait_until(lambda: self._mine(count), f"{count} events")
        return [{k: v for k, v in e.items() if k != "netns"} for e in found]

    def event(self) -> dict[str, Any]:
        """Return the only event, without namespace and address."""
        (event,) = self.events(1)
        del event["daddr"]
        return event


class Cgroup:
    """A cgroup that a test makes; it goes with all that was made below it."""

    def __init__(self, hierarchy: Path, *names: str) -> None:
        self._top = hierarchy / f"tcpc-{os.getpid()}-{secrets.token_hex(4)}"
        self.folder = self._top.joinpath(*names)
        self.folder.mkdir(parents=True)
        self.path = f"/{self.folder.relative_to(hierarchy)}"

    def enter(self) -> None:
        """Move this process into it."""
        (self.folder / "cgroup.procs").write_text("0")

    def remove(self) -> None:
        """Remove it, when its processes are gone."""
        for folder in sorted(self._top.glob("**/"), reverse=True):
            wait_until(partial(_removed, folder), f"an empty {folder}")


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:
        return False
    return True


def unified() -> Path:
    """Return where cgroup v2 is mounted."""
    path = os.fsdecode(mount_point())
    assert path, "these tests need cgroup v2, mounted"
    return Path(path)


def check(result: int) -> None:
    """Raise OSError when a function of the C library failed."""
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def new_mounts() -> None:
    """Give this process mounts of its own."""
    check(libc.unshare(CLONE_NEWNS))
    check(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))


def mount(source: str | Path, target: Path, kind: str = "", flags: int = 0) -> None:
    """Mount a file system, or with MS_BIND a folder or file."""
    paths = [os.fsencode(path) for path in (source, target)]
    check(libc.mount(*paths, kind.encode() or None, flags, None))
