"""Killed at any moment: nothing of it stays in the kernel, no mount, no process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tcpconnect.connection import CONNECTION
from tests.support import launch
from tests.support.attempts import attempt, kernel_objects
from tests.support.mounts import private_mounts, unmount_cgroups
from tests.support.tool import Tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("netns")

EVERYTHING = ["-rjd", "--dns-latency", "--columns", ",".join(CONNECTION)]
# At the first of the objects that it makes in the kernel, in the midst, at the last.
MOMENTS = (0.0, 0.3, 0.6, 0.9, 1.0)


class Object(NamedTuple):
    """A BPF program, link or map."""

    kind: str
    number: int


def shown(kind: str) -> list[dict[str, object]]:
    """Return all objects of a kind that the kernel has.

    bpftool fails where it knows a link's type but not what to say of it; the output is
    whole.
    """
    command = ["bpftool", "-j", kind, "show"]
    output = subprocess.run(command, check=False, stdout=subprocess.PIPE).stdout
    found: list[dict[str, object]] = json.loads(output or "[]")
    return found


def objects_of(pid: int) -> set[Object]:
    """Return what a process has open."""
    try:
        found = kernel_objects(pid)
    except OSError:  # it has ended, or has closed what was just listed
        return set()
    return {Object(kind, n) for kind, numbers in found.items() for n in numbers}


def held() -> set[Object]:
    """Return what processes have open."""
    pids = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    return set().union(*map(objects_of, pids))


class Kernel:
    """Finds objects with the names of the tool's that no process has open.

    Others may run the tool, too: what they have open, or had left before, is theirs.
    """

    def __init__(self) -> None:
        with Tool(*EVERYTHING, "-p", os.getpid(), "-f") as tool:
            found = objects_of(tool.process.pid)
            self.count = len(found)
            self._names = {
                (kind, each["name"])
                for kind in ("prog", "map")
                for each in shown(kind)
                if "name" in each and Object(kind, int(str(each["id"]))) in found
            }
        self._before = self._left()
        assert len(self._names) > 20

    def _ours(self) -> set[Object]:
        programs = [each for each in shown("prog") if self._is_named("prog", each)]
        ids = {each["id"] for each in programs}
        links = [each for each in shown("link") if each.get("prog_id") in ids]
        maps = [each for each in shown("map") if self._is_named("map", each)]
        return {
            Object(kind, int(str(each["id"])))
            for kind, found in (("prog", programs), ("link", links), ("map", maps))
            for each in found
        }

    def _is_named(self, kind: str, each: dict[str, object]) -> bool:
        return (kind, each.get("name")) in self._names

    def _left(self) -> set[Object]:
        return self._ours() - held()

    def wait_until_free(self) -> None:
        """Wait until nothing is left that was not left before."""
        wait_until(lambda: self._left() <= self._before, "the kernel to free all")


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    """What the kernel had before."""
    return Kernel()


def killed(process: subprocess.Popen[bytes]) -> None:
    """Kill it, and wait until it is gone."""
    process.kill()
    process.wait()


def until_it_has(process: subprocess.Popen[bytes], count: float) -> None:
    """Wait until a process has made so many objects."""
    wait_until(
        lambda: len(objects_of(process.pid)) >= max(count, 1) or process.poll(),
        "its objects in the kernel",
    )
    assert process.poll() is None


@pytest.fixture
def log() -> Iterator[Path]:
    """A file for the output of a process, which is not read meanwhile."""
    with tempfile.NamedTemporaryFile() as file:
        yield Path(file.name)


@pytest.mark.parametrize("moment", MOMENTS)
def test_while_it_starts(kernel: Kernel, moment: float, log: Path) -> None:
    """It has made some of its objects, or all."""
    command = launch.command([*EVERYTHING, "-f", "-p", os.getpid()])
    with (
        log.open("wb") as file,
        subprocess.Popen(**command, stdout=file, stderr=file) as process,
    ):
        until_it_has(process, moment * kernel.count)
        killed(process)
    kernel.wait_until_free()


@pytest.mark.parametrize("first", [0, signal.SIGSTOP, signal.SIGINT])
def test_under_load(kernel: Kernel, first: int) -> None:
    """It traces, or stands still, or is about to end."""
    with Tool(*EVERYTHING, "-p", os.getpid()) as tool:
        for _ in range(1000):
            attempt("127.0.0.1", 1)
        tool.process.send_signal(first)
        killed(tool.process)
    kernel.wait_until_free()


def mounts() -> set[str]:
    """Return what is mounted where this thread looks."""
    return set(Path("/proc/thread-self/mountinfo").read_text().splitlines())


def test_mounts(kernel: Kernel) -> None:
    """The hierarchy of cgroups that it mounts for itself goes with it."""
    with private_mounts():
        unmount_cgroups()
        before = mounts()
        with Tool("-d", "-p", os.getpid()) as tool:
            assert mounts() <= before  # a namespace's goes when another removes it
            killed(tool.process)
        kernel.wait_until_free()
        assert mounts() <= before


def test_command_that_has_not_started(kernel: Kernel, tmp_path: Path) -> None:
    """A command never starts when its tracer is killed before."""
    started = tmp_path / "started"
    command = launch.command([*EVERYTHING, "--", "touch", started])
    with subprocess.Popen(
        **command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        until_it_has(process, 0)
        killed(process)
        assert process.stdout
        # The end of the pipe: the child that was to be the command has it open, too.
        assert process.stdout.read() == b""
    assert not started.exists()
    kernel.wait_until_free()


def test_command_that_runs(kernel: Kernel) -> None:
    """A running command continues."""
    command = launch.command([*EVERYTHING, "--", "cat"])
    with subprocess.Popen(
        **command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(b"before\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"before\n"
        killed(process)
        kernel.wait_until_free()
        process.stdin.write(b"after\n")
        process.stdin.close()
        assert process.stdout.read() == b"after\n"
