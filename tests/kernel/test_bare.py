"""A machine without /dev, without /proc, or without room for a process."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import PORT, attempt, run_tool
from tests.support.children import children
from tests.support.launch import command
from tests.support.mounts import private_mounts
from tests.support.privileges import command as command_of
from tests.support.privileges import nobody
from tests.support.system import libc, sh
from tests.support.tool import READY
from tests.support.waiting import TIMEOUT_S, until_writing, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.network import NetNs

pytestmark = pytest.mark.usefixtures("netns")

MNT_DETACH = 2
BRIEFLY = ("-P", PORT, "--duration", "0.01")
USERS = 1_000_000_000  # no other process has one of these IDs


@contextmanager
def without(folder: str, *, empty: bool) -> Iterator[None]:
    """Take a folder away, or leave nothing in it, for what is started here."""
    with private_mounts():
        if empty:
            sh(f"mount -t tmpfs none {folder}")
        else:
            assert libc.umount2(folder.encode(), MNT_DETACH) == 0
        try:
            yield
        finally:
            if folder == "/proc":  # private_mounts() needs it
                sh("mount -t proc none /proc")


def test_no_dev() -> None:
    """Without /dev/null it traces."""
    begin = command(["-j", "-p", os.getpid(), "--limit", 1])
    for stream in ("stdin", "stdout", "stderr"):
        begin[stream] = subprocess.PIPE
    with without("/dev", empty=True), subprocess.Popen(**begin) as tool:
        assert tool.stderr
        assert tool.stderr.readline() == READY
        attempt("127.0.0.1", PORT)
        out, err = tool.communicate(timeout=TIMEOUT_S)
        assert (json.loads(out)["dport"], err, tool.returncode) == (PORT, b"", 0)


@pytest.mark.parametrize("closed", [0, 1, 2])
@pytest.mark.parametrize("options", [(), ("-c",), ("--version",)])
def test_no_dev_and_closed_descriptors(closed: int, options: tuple[str, ...]) -> None:
    """What is closed stays what can't be written, and is no other file of ours."""
    with without("/dev", empty=True):
        ended = subprocess.run(
            **command([*BRIEFLY, *options]),
            check=False,
            stdin=subprocess.PIPE,
            capture_output=True,
            text=True,
            preexec_fn=lambda: os.close(closed),
        )
    assert ended.returncode == int(closed == 1)
    told = "tcpconnect: can't write the output: Bad file descriptor; "
    assert (told in ended.stderr) == (closed == 1)


@pytest.mark.parametrize("empty", [True, False])
@pytest.mark.parametrize(
    "options",
    [
        "-r",
        "-d",
        "-c",
        "-f -p 1",
        "--columns container",
        "--cgroup x",
        "--container x",
        "--netns NAME",
        "-- true",
    ],
)
def test_no_proc(netns: NetNs, options: str, *, empty: bool) -> None:
    """Without /proc there is one line that says so."""
    words = options.replace("NAME", netns.name).split()
    with without("/proc", empty=empty):
        ended = run_tool(*BRIEFLY, *words)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        "tcpconnect: no /proc: No such file or directory; "
        "mount it: mount -t proc proc /proc\n"
    )


def test_no_process_to_fork() -> None:
    """A user who may have no more processes can't have a command started."""
    # Of its own: others of nobody's would count, too.
    user = nobody("CAP_BPF", "CAP_PERFMON")._replace(uid=USERS + os.getpid())
    begin = command_of(user, ["--", "true"])
    become = begin.pop("preexec_fn")

    def start() -> None:
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
        become()

    ended = subprocess.run(
        **begin, check=False, capture_output=True, text=True, preexec_fn=start
    )
    assert (ended.returncode, ended.stdout) == (126, "")
    assert ended.stderr == (
        "tcpconnect: can't start 'true': Resource temporarily unavailable; "
        "raise the limit: ulimit -u, or pids.max of its cgroup\n"
    )


def test_signal_before_the_command_is_started() -> None:
    """What is to become the command dies of a signal: so is the exit code."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    filled = 0
    while filled < 1 << 20:
        try:
            filled += os.write(write, bytes(4096))
        except BlockingIOError:
            break
    os.set_blocking(write, True)
    begin = command(["-P", PORT, "--", "false"])
    with subprocess.Popen(**begin, stderr=write) as process:
        os.close(write)
        status = Path(f"/proc/{process.pid}/status")
        catches_it = 1 << (signal.SIGTERM - 1)
        wait_until(
            lambda: _mask(status, "SigCgt") & catches_it, "the handler of the tool"
        )
        until_writing(process.pid)
        (child,) = children(process.pid)
        process.send_signal(signal.SIGTERM)
        wait_until(
            lambda: ") Z " in Path(f"/proc/{child}/stat").read_text(), "the child's end"
        )
        with open(read, "rb") as said:
            text = said.read()
        assert process.wait(TIMEOUT_S) == 128 + signal.SIGTERM
    assert text.lstrip(b"\0").startswith(READY)
    assert b"tcpconnect: " not in text


def _mask(status: Path, name: str) -> int:
    return int(status.read_text().partition(f"{name}:")[2].split()[0], 16)
