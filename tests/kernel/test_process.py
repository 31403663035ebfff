"""Who connects: parent, program, arguments; right for the shortest lives."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import PORT, Child, attempt
from tests.support.launch import EMULATED
from tests.support.processes import (
    Watch,
    busybox,
    connecting,
    fork,
    mount,
    new_mounts,
    quiet,
    run,
    spawn,
)
from tests.support.system import MS_BIND
from tests.support.tool import told
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.network import NetNs
    from tests.support.processes import Cgroup


PARENTS = 4
EACH = 250
ID = "0123456789abcdef" * 4


def copy_of_busybox(folder: Path, name: str = "busybox") -> Path:
    """Return a program of the test's own; it is called from its own folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(busybox(), folder / name)).resolve()


def test_thousand_processes_of_a_millisecond(
    netns: NetNs, tmp_path: Path, cgroups: Callable[..., Cgroup]
) -> None:
    """Each has its own program, parent, arguments, cgroup and container.

    Where the CPU is emulated, it may be too slow to read all in time: that is counted.
    """
    ids = [f"{number:064x}" for number in range(PARENTS)]
    groups = [cgroups("system.slice", f"docker-{n}.scope") for n in ids]
    programs = [copy_of_busybox(tmp_path / str(n)) for n in range(PARENTS)]
    columns = "ppid exe cmdline cgroup container runtime unit"
    expected = {}

    def work(number: int) -> Callable[[], None]:
        def start() -> None:
            for n in range(1, EACH + 1):
                spawn(programs[number], connecting(f"127.0.{number}.{n}"))

        return start

    with Watch(netns, columns=columns) as watch:
        for number in range(PARENTS):
            with Child(work(number), groups[number].enter) as parent:
                parent.run()
                for n in range(1, EACH + 1):
                    address = f"127.0.{number}.{n}"
                    expected[address] = {
                        "ppid": parent.pid,
                        "exe": str(programs[number]),
                        "cmdline": f"nc {address} {PORT}",
                        "cgroup": groups[number].path,
                        "container": ids[number][:12],
                        "runtime": "docker",
                        "unit": f"docker-{ids[number]}.scope",
                    }
        events = watch.events(PARENTS * EACH)
        assert watch.tool.stop() == 0
    assert len({event.pop("pid") for event in events}) == PARENTS * EACH
    shown = {event.pop("daddr"): event for event in events}
    late = {address for address, event in shown.items() if event["exe"] is None}
    assert len(late) <= told(watch.tool, "attempts without their exe")
    assert EMULATED or not late
    assert shown.keys() == expected.keys()
    whole = shown.keys() - late
    assert {a: shown[a] for a in whole} == {a: expected[a] for a in whole}


def test_one_process_executes_another_program(netns: NetNs, tmp_path: Path) -> None:
    """Each connect has what the process was at that moment, though its ID is one."""
    program = copy_of_busybox(tmp_path)

    def work() -> None:
        for n in range(1, 3):
            attempt(f"127.0.0.{n}", PORT)
        quiet(os.open(os.devnull, os.O_RDWR))
        os.execv(program, connecting("127.0.0.3"))  # noqa: S606 (no shell)

    with Watch(netns) as watch:
        pid = fork(work)
        os.waitpid(pid, 0)
        events = watch.events(3)
    before = {
        "exe": os.path.realpath(sys.executable),
        "cmdline": shlex.join(sys.orig_argv),
    }
    after = {"exe": str(program), "cmdline": f"nc 127.0.0.3 {PORT}"}
    assert events == [
        {"pid": pid, "ppid": os.getpid(), "daddr": f"127.0.0.{n}", **image}
        for n, image in enumerate((before, before, after), 1)
    ]


def test_program_that_was_deleted(netns: NetNs, tmp_path: Path) -> None:
    """It is shown where it was, as /proc/PID/exe does."""
    program = copy_of_busybox(tmp_path)
    fd = os.open(program, os.O_RDONLY)
    program.unlink()
    with Watch(netns) as watch:
        pid = run(fd, connecting())
        assert watch.event() == {
            "pid": pid,
            "ppid": os.getpid(),
            "exe": f"{program} (deleted)",
            "cmdline": f"nc 127.0.0.1 {PORT}",
        }
    os.close(fd)


def test_program_without_a_file(netns: NetNs) -> None:
    """A memfd is shown by its name."""
    fd = os.memfd_create("a\x1bb")
    os.write(fd, busybox().read_bytes())
    with Watch(netns, columns="exe") as watch:
        pid = run(fd, connecting())
        assert watch.event() == {"pid": pid, "exe": r"/memfd:a\x1bb (deleted)"}
    os.close(fd)


def test_chroot(netns: NetNs, tmp_path: Path) -> None:
    """The path is that of the mount namespace, whatever the process takes for /."""
    program = copy_of_busybox(tmp_path / "root")
    with Watch(netns, columns="exe") as watch:
        pid = run(Path("/busybox"), connecting(), lambda: os.chroot(program.parent))
        assert watch.event() == {"pid": pid, "exe": str(program)}


def test_mount_namespace(netns: NetNs, tmp_path: Path) -> None:
    """The path crosses mounts, also private ones."""
    tmpfs, bound = tmp_path / "tmpfs", tmp_path / "bound"

    def prepare() -> None:
        new_mounts()
        mount("none", tmpfs, "tmpfs")
        copy_of_busybox(tmpfs / "deep/er")
        mount(tmpfs / "deep", bound, flags=MS_BIND)

    tmpfs.mkdir()
    bound.mkdir()
    program = bound / "er/busybox"
    with (
        Watch(netns, columns="exe mntns") as watch,
        Child(lambda: run(program, connecting()), prepare) as child,
    ):
        child.run()
        event = watch.event()
        del event["pid"]
        mntns = os.stat(f"/proc/{child.pid}/ns/mnt").st_ino
        assert event == {"exe": str(program), "mntns": mntns}


def test_file_that_is_a_mount(netns: NetNs, tmp_path: Path) -> None:
    """A single file that is mounted over another one is shown where it is seen."""
    program, there = copy_of_busybox(tmp_path / "here"), tmp_path / "there"
    there.touch()

    def prepare() -> None:
        new_mounts()
        mount(program, there, flags=MS_BIND)

    with Watch(netns, columns="exe") as watch:
        pid = run(there, connecting(), prepare)
        assert watch.event() == {"pid": pid, "exe": str(there)}


def test_deep_path_with_long_names(netns: NetNs, tmp_path: Path) -> None:
    """A path as long as the kernel takes is shown whole."""
    folder = tmp_path
    while len(str(folder)) < 3700:
        folder /= "x" * 255
    program = copy_of_busybox(folder)
    with Watch(netns, columns="exe") as watch:
        pid = run(program, connecting())
        assert watch.event() == {"pid": pid, "exe": str(program)}


def test_path_longer_than_the_kernel_takes(netns: NetNs, tmp_path: Path) -> None:
    """Its end is shown, with a sign that the beginning is missing."""
    home, names = os.getcwd(), ["x" * 255] * 20
    os.chdir(tmp_path)
    try:
        for name in names:
            os.mkdir(name)
            os.chdir(name)
        shutil.copy(busybox(), "busybox")
        with Watch(netns, columns="exe") as watch:
            pid = run(Path("./busybox"), connecting())
            assert watch.event() == {
                "pid": pid,
                "exe": "/".join(["…", *names[:16], "busybox"]),
            }
        os.remove("busybox")
        for _ in names:
            os.chdir("..")
            os.rmdir(names[0])
    finally:
        os.chdir(home)


def test_threads(netns: NetNs) -> None:
    """A thread is a part of its process."""
    with Watch(netns, columns="tid ppid exe") as watch:
        thread = threading.Thread(target=attempt, args=("127.0.0.1", PORT))
        thread.start()
        thread.join()
        assert watch.event() == {
            "pid": os.getpid(),
            "tid": thread.native_id,
            "ppid": os.getppid(),
            "exe": os.path.realpath(sys.executable),
        }


def test_orphan(netns: NetNs) -> None:
    """The parent is the one at the moment of the connect, not the one that forked."""
    read, write = os.pipe()

    def orphan(parent: int) -> None:
        wait_until(lambda: os.getppid() != parent, "another parent")
        attempt("127.0.0.1", PORT)
        os.write(write, f"{os.getpid()} {os.getppid()}".encode())

    def forking() -> None:
        parent = os.getpid()
        fork(lambda: orphan(parent))

    with Watch(netns, columns="ppid") as watch:
        os.waitpid(fork(forking), 0)
        pid, ppid = map(int, os.read(read, 100).split())
        assert watch.event() == {"pid": pid, "ppid": ppid}
    os.close(read)
    os.close(write)


def test_process_that_has_ended_before_its_attempt(
    netns: NetNs, tmp_path: Path
) -> None:
    """With -r the line comes later, and still says who began it."""
    program = copy_of_busybox(tmp_path)
    with Watch(netns, "-r", columns="ppid exe cmdline result") as watch:
        pid = run(program, connecting())
        assert watch.event() == {
            "pid": pid,
            "ppid": os.getpid(),
            "exe": str(program),
            "cmdline": f"nc 127.0.0.1 {PORT}",
            "result": "ECONNREFUSED",
        }


@pytest.mark.usefixtures("far")
def test_attempt_that_is_still_pending(netns: NetNs) -> None:
    """What is open when the tool stops has a process as all others."""
    with (
        Watch(netns, "-r", columns="ppid exe result") as watch,
        socket.socket() as client,
    ):
        client.settimeout(0)
        assert client.connect_ex(("10.2.0.1", PORT))
        assert watch.tool.stop() == 0
        assert watch.event() == {
            "pid": os.getpid(),
            "ppid": os.getppid(),
            "exe": os.path.realpath(sys.executable),
            "result": "PENDING",
        }
