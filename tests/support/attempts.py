"""Connections and processes that the tests make."""

from __future__ import annotations

import ctypes
import errno
import os
import re
import socket
import subprocess
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.launch import command
from tests.support.system import libc, sh

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from typing_extensions import Self

    from tests.support.tool import Tool

PR_SET_NAME = 15
# Closed, as is the next one, and other ones in each process that runs tests.
PORT = 10_000 + 2 * (os.getpid() % 10_000)
IDS = re.compile(r"^(prog|link|map)_id:\s+(\d+)$", re.MULTILINE)


def attempt(address: str, port: int, source: tuple[str, int] | None = None) -> None:
    """Connect to a port that is closed, from a given address and port if wanted."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as client:
        if source:
            client.bind(source)
        assert client.connect_ex((address, port)) == errno.ECONNREFUSED


def comm() -> str:
    """Return the name of this thread, as the kernel has it."""
    return Path("/proc/thread-self/comm").read_text().removesuffix("\n")


def rename(name: bytes) -> None:
    """Give this thread another name; the kernel takes 15 bytes of it."""
    assert libc.prctl(PR_SET_NAME, ctypes.c_char_p(name), 0, 0, 0) == 0


def run_tool(*options: object) -> subprocess.CompletedProcess[str]:
    """Run the tool to its end, which must come."""
    return subprocess.run(
        **command(options), check=False, capture_output=True, text=True, timeout=120
    )


def limit(tool: Tool, what: str) -> None:
    """Set a limit of the tool, as prlimit(1) takes it, by the rights of its user."""
    pid = tool.process.pid
    status = Path(f"/proc/{pid}/status").read_text()
    uid, gid = re.findall(r"^[UG]id:\t(\d+)", status, re.MULTILINE)
    user = f"setpriv --reuid={uid} --regid={gid} --clear-groups"
    sh(f"{user} prlimit --pid={pid} {what}")


class Child:
    """A process that does ``work`` on demand, after it is prepared."""

    def __init__(
        self, work: Callable[[], object], prepare: Callable[[], object] | None = None
    ) -> None:
        child_go, self._go = os.pipe()
        self._done, child_done = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.close(self._go)
            _serve(work, prepare, child_go, child_done)
        os.close(child_go)
        os.close(child_done)
        self.wait()

    def run(self) -> None:
        """Have the work done."""
        self.begin()
        self.wait()

    def begin(self) -> None:
        """Have the work begun."""
        os.write(self._go, b"\0")

    def wait(self) -> None:
        """Wait until the work is done."""
        assert os.read(self._done, 1) == b"\0", "the child failed; see its traceback"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._go)
        os.waitpid(self.pid, 0)
        os.close(self._done)


def run_all(children: Sequence[Child]) -> None:
    """Have the work of all of them done, at the same time."""
    for child in children:
        child.begin()
    for child in children:
        child.wait()


def _serve(
    work: Callable[[], object],
    prepare: Callable[[], object] | None,
    go: int,
    done: int,
) -> None:
    """Live as a Child until the other end of ``go`` is closed; never return."""
    try:
        if prepare:
            prepare()
        os.write(done, b"\0")
        while os.read(go, 1):
            work()
            os.write(done, b"\0")
    except BaseException:  # noqa: BLE001 (no exception may leave the fork)
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(0)


def kernel_objects(pid: int) -> dict[str, set[int]]:
    """Return the IDs of the BPF programs, links and maps that a process has open."""
    found: dict[str, set[int]] = {"prog": set(), "link": set(), "map": set()}
    for entry in Path(f"/proc/{pid}/fdinfo").iterdir():
        for kind, number in IDS.findall(entry.read_text()):
            found[kind].add(int(number))
    return found
