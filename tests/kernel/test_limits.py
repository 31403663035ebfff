"""Limits of the process that traces: locked memory, descriptors."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import launch
from tests.support.attempts import attempt, limit, run_tool
from tests.support.processes import busybox
from tests.support.tool import READY, Tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("netns")

NO_DESCRIPTORS = "Too many open files"


def limited(script: Path, limit: str, wrapper: str = "") -> Path:
    """Return a program that runs the tool with a limit of prlimit(1)."""
    script.write_text(f'#!/bin/sh\nexec prlimit {limit} {wrapper} {launch.TOOL} "$@"\n')
    script.chmod(0o755)
    return script


def test_no_locked_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Maps count as locked memory before Linux 5.11; they need no limit to be set."""
    path = limited(tmp_path / "tool", "--memlock=0:0")
    monkeypatch.setattr(launch, "TOOL", path)
    with Tool("-p", os.getpid(), "-rd", "--columns", "dport,query") as tool:
        attempt("127.0.0.1", 1)
        assert tool.lines(2) == ["DPORT QUERY", "1     localhost"]


def test_no_locked_memory_and_no_right_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the limit counts, and can't be raised, one line says so."""
    wrapper = "setpriv --bounding-set=-sys_resource"
    tool = limited(tmp_path / "tool", "--memlock=0:0", wrapper)
    monkeypatch.setattr(launch, "TOOL", tool)
    result = run_tool("-p", os.getpid(), "--duration", "0.01")
    (line,) = result.stderr.splitlines()
    if result.returncode:
        assert line.startswith("tcpconnect: can't ")
    else:
        assert line == READY.decode().rstrip()


FEW = (10, 15, *range(20, 60, 3), *range(60, 110, 10))


@pytest.mark.parametrize("most", FEW)
def test_few_descriptors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Too few to start, wherever they end: a line says so."""
    tool = limited(tmp_path / "tool", f"--nofile={most}:{most}")
    monkeypatch.setattr(launch, "TOOL", tool)
    result = run_tool("-p", os.getpid(), "-d", "--duration", "0.01")
    lines = [line for line in result.stderr.splitlines() if NO_DESCRIPTORS in line]
    if result.returncode:
        assert result.returncode == 1
        assert "internal error" not in result.stderr
        assert len(lines) in {1, 2}  # a source of names, and what failed then


def test_command_keeps_its_limit() -> None:
    """The tool takes what it may have; a command has what it always had."""
    script = "ulimit -Sn; grep 'open files' /proc/$PPID/limits"
    command = ["prlimit", "--nofile=300:400", str(launch.TOOL), "-d", "--"]
    command += ["sh", "-c", script]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    own, tools = result.stdout.splitlines()
    assert own == "300"
    assert tools.split()[-3:-1] == ["400", "400"]


@contextmanager
def broken_container(root: Path) -> Iterator[None]:
    """Have a program run in a container without a valid C library."""
    library = root / "lib/libc.so.6"
    if not library.exists():
        library.parent.mkdir(parents=True)
        library.write_text("no library\n")
        shutil.copy(busybox(), root / "busybox")
    command = ["unshare", "--mount", "chroot", str(root), "/busybox", "cat"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        yield
        process.communicate()


def notices(tool: Tool) -> list[str]:
    """Return what it has said of processes whose lookups it can't see."""
    lines = tool.stderr.decode().splitlines()
    return [line for line in lines if "no names from the libc of process" in line]


def test_library_that_is_none(tmp_path: Path) -> None:
    """A library that can't be probed is reported once; tracing continues."""
    with Tool("-p", os.getpid(), "-d", "--columns", "dport") as tool:
        with broken_container(tmp_path):
            wait_until(lambda: notices(tool), "the notice")
        with broken_container(tmp_path):
            attempt("127.0.0.1", 1)
            assert tool.lines(2) == ["DPORT", "1"]
        assert tool.stop() == 0
        assert len(notices(tool)) == 1


def test_no_descriptors_left(tmp_path: Path) -> None:
    """New containers then have no names; tracing continues."""
    with Tool("-p", os.getpid(), "-d", "--columns", "dport") as tool:
        pid = tool.process.pid
        used = {int(fd.name) for fd in Path(f"/proc/{pid}/fd").iterdir()}
        first = min(set(range(len(used) + 1)) - used)
        limit(tool, f"--nofile={first}:{first}")
        with broken_container(tmp_path):
            attempt("127.0.0.1", 1)
            assert tool.lines(2) == ["DPORT", "1"]
            wait_until(lambda: NO_DESCRIPTORS in tool.stderr.decode(), "the notice")
        assert tool.stop() == 0
        (line,) = [x for x in tool.stderr.decode().splitlines() if NO_DESCRIPTORS in x]
        assert "some names from libc are missing" in line
