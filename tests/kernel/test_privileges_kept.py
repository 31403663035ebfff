"""What privileges the tool keeps while it traces, and its command."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import PORT
from tests.support.launch import command
from tests.support.privileges import (
    BPF,
    CORE,
    KILL,
    OWN_USER,
    PERFMON,
    READ_ALL,
    SYS_ADMIN,
    SYS_PTRACE,
    bits,
    by_perf,
    guarded,
    parse_status,
    root,
    status_of,
    use,
    words,
)
from tests.support.tool import READY, Tool
from tests.support.waiting import TIMEOUT_S

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("netns")


LIBC = {SYS_PTRACE, READ_ALL, "CAP_CHECKPOINT_RESTORE"}
PERF = {SYS_ADMIN, BPF, PERFMON}

# What is kept by what options; "maps" stands for what reading maps takes.
KEPT: dict[str, set[str]] = {
    "": set(),
    "-r": {"maps"},
    "-L": {"maps"},
    "-j --format json": set(),
    "-c": {"maps"},
    "-cr --histogram": {"maps"},
    "--failed": {"maps"},
    "--why": {"maps"},
    "-d --names dns": set(),
    "-d --names libc": {"libc"},
    "-d": {"libc"},
    "-rdj": {"libc", "maps"},
    "--columns exe,cmdline,cgroup,unit,container_id": set(),
    "--columns container": {READ_ALL},
    "--columns pod -r": {READ_ALL, "maps"},
    "-f -p self": set(),
}


def kept(what: set[str]) -> int:
    """Return capabilities as bits."""
    names = set(what)
    if "maps" in names:
        names = (names - {"maps"}) | ({BPF} if guarded() else set())
    if "libc" in names:
        names = (names - {"libc"}) | LIBC | (PERF if by_perf() else set())
    return bits(names)


@pytest.mark.parametrize("options", KEPT)
def test_what_is_kept(options: str) -> None:
    """When the tool is ready, it has what it still needs, and is not root."""
    expected = kept(KEPT[options])
    with Tool("-P", PORT, *words(options)) as tool:
        status = status_of(tool.process.pid)
        assert tool.stop() == 0
        assert tool.said == READY
    assert status == (OWN_USER, expected, expected, 0, 0, 0, True)


def test_nothing_is_gained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only needed capabilities that it had are kept; without root, the user stays."""
    use(root(*CORE), monkeypatch)
    with Tool("-P", PORT, "--columns", "container") as tool:
        status = status_of(tool.process.pid)
    assert status == (0, 0, 0, 0, status.bounding, 0, True)


def test_the_command_keeps_its_own(tmp_path: Path) -> None:
    """A command runs with what the tool was called with; the tool may signal it."""
    file = tmp_path / "status"
    argv = ["sh", "-c", f"cat /proc/self/status >{file}; cat"]
    with subprocess.Popen(
        **command(["--", *argv]), stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr
        assert process.stderr.readline() == READY
        assert status_of(process.pid)[:3] == (OWN_USER, *(bits({KILL}),) * 2)
        process.communicate(timeout=TIMEOUT_S)
    assert parse_status(file.read_text()) == status_of(os.getpid())


def test_signal_to_a_command_of_another_user(tmp_path: Path) -> None:
    """Under sudo the command is another user's, and gets signals all the same."""
    nobody = pwd.getpwuid(1)  # neither root nor what the tool becomes
    sudo = {"SUDO_UID": "1", "SUDO_GID": "1", "SUDO_USER": nobody.pw_name}
    argv = ["sh", "-c", "trap 'exit 7' TERM; echo; while :; do sleep 0.01; done"]
    with subprocess.Popen(
        **command(["-o", tmp_path / "lines", "--", *argv], env={**os.environ, **sudo}),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout
        assert process.stdout.read(1) == b"\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT_S) == 7
