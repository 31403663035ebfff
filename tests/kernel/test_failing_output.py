"""Output that can no longer be written: a full disk, a limit, a broken device."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import attempt, limit, run_tool
from tests.support.disks import small_disk
from tests.support.tool import READY, Tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("netns")

ROOM = 64 << 10  # a power of two of pages, whatever their size
LIMIT = 4096
OPTIONS = ("--columns", "dport,saddr,daddr", "-p", os.getpid())
WHERE = pytest.mark.parametrize("where", ["stdout", "-o"])


def start(where: str, path: Path) -> Tool:
    """Trace this process into a file."""
    if where == "-o":
        return Tool(*OPTIONS, "-o", path)
    with path.open("wb") as file:
        return Tool(*OPTIONS, stdout=file)


def until_it_ends(tool: Tool) -> None:
    """Make attempts until the tool has ended."""

    def ended() -> bool:
        for _ in range(100):
            attempt("127.0.0.1", 1)
        return tool.process.poll() is not None

    wait_until(ended, "its end")


def told(reason: str, where: str, path: str | Path = "") -> str:
    """Return what the tool says on stderr."""
    name = "stdout" if where == "stdout" else f"'{path}'"
    return READY.decode() + (
        f"tcpconnect: can't write the output: {reason}; "
        f"nothing more is shown; check where {name} goes\n"
    )


def lines(path: Path) -> list[str]:
    """Return the whole lines of a file."""
    return path.read_text().split("\n")[:-1]


@WHERE
def test_full_disk(where: str) -> None:
    """What has room is written, then it ends with the reason."""
    with small_disk(ROOM) as disk:
        path = disk / "output"
        with start(where, path) as tool:
            until_it_ends(tool)
            assert tool.wait() == 1
            assert tool.stderr.decode() == told("No space left on device", where, path)
        assert path.stat().st_size == ROOM
        header, *rows = lines(path)
    assert header.split() == ["DPORT", "SADDR", "DADDR"]
    assert {tuple(row.split()) for row in rows} == {("1", "127.0.0.1", "127.0.0.1")}


@WHERE
def test_limit_of_files(tmp_path: Path, where: str) -> None:
    """A limit of the shell (ulimit -f) is no death by a signal."""
    path = tmp_path / "output"
    with start(where, path) as tool:
        wait_until(lambda: lines(path), "the header")
        limit(tool, f"--fsize={LIMIT}:{LIMIT}")
        until_it_ends(tool)
        assert tool.wait() == 1
        assert tool.stderr.decode() == told("File too large", where, path)
    assert path.stat().st_size == LIMIT


def test_broken_device() -> None:
    """A failing device is reported, too: here unmapped memory."""
    memory = os.open("/proc/self/mem", os.O_WRONLY)
    with Tool(*OPTIONS, stdout=memory) as tool:
        os.close(memory)
        assert tool.wait() == 1
        assert tool.stderr.decode() == told("Input/output error", "stdout")


# Ends when the tool traces no longer.
COMMAND = """
trap 'exit 3' PIPE TERM HUP INT
while readlink /proc/$PPID/fd/* | grep -q bpf_link; do :; done
: >$0
"""


def test_command_goes_on(tmp_path: Path) -> None:
    """A command that is traced is not ended by it."""
    done = tmp_path / "done"
    result = run_tool("-o", "/dev/full", "--", "sh", "-c", COMMAND, done)
    assert result.returncode == 1
    assert done.exists()
    assert result.stderr == told("No space left on device", "-o", "/dev/full")
