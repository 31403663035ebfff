"""-d: warnings for C libraries that can't be probed.

Each tool with -d has them: no other test of the kernel runs at that time.
"""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.attempts import Child, run_tool
from tests.support.tool import Tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("netns", "known_libraries")


def tracing() -> Tool:
    """Trace what connects to port 7 in this network namespace, also later."""
    inode = os.stat("/proc/thread-self/ns/net").st_ino
    return Tool("--netns", inode, "-P", 7, "-dj", "--names", "libc")


def mapping(path: Path) -> Child:
    """Return a process that has mapped a file, as if to execute it."""
    kept: list[Any] = []

    def prepare() -> None:
        with path.open("rb") as file:
            protection = mmap.PROT_READ | mmap.PROT_EXEC
            kept.append(mmap.mmap(file.fileno(), 4096, mmap.MAP_PRIVATE, protection))

    return Child(lambda: None, prepare)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A file with the name of a C library, which is not one."""
    path = tmp_path / "libc.so"
    path.write_bytes(bytes(8192))
    return path


def about(path: Path, text: str) -> list[str]:
    """Return the lines that name a file."""
    assert "/proc/self/fd" not in text
    return [line for line in text.splitlines() if str(path) in line]


def test_library_that_can_not_be_probed(broken: Path) -> None:
    """One at start is reported by its path, once; also by --check."""
    with mapping(broken) as child, mapping(broken):
        with tracing() as tool:
            (line,) = about(broken, tool.stderr.decode())
        checked = run_check()
    start = f"no names from the libc of process {child.pid}: "
    start += f"can't probe {broken}: it is not ELF64"
    assert line.startswith(f"tcpconnect: {start}")
    assert [line.split(": ")[0] for line in about(broken, checked)] == [
        "warn  names from libc (-d)"
    ]
    assert start in checked


def run_check() -> str:
    """Return what --check prints; that a library can't be probed is no failure."""
    ended = run_tool("--check")
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def test_library_that_can_not_be_probed_later(broken: Path) -> None:
    """So is one that is mapped later."""
    with tracing() as tool, mapping(broken):
        (line,) = wait_until(lambda: about(broken, tool.stderr.decode()), "a notice")
    assert line.endswith(f"can't probe {broken}: it is not ELF64")


def test_library_for_32_bits(broken: Path) -> None:
    """Libraries of programs that have no probes are left alone."""
    broken.write_bytes(b"\x7fELF\1\1\1" + bytes(8192))
    with mapping(broken), tracing() as tool:
        assert about(broken, tool.stderr.decode()) == []
