"""Running the tool with exactly these capabilities, as nobody or as root."""

from __future__ import annotations

import functools
import os
import shlex
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import conftest
from conftest import TOOL

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pytest

NOBODY = "--reuid=nobody --regid=nogroup --clear-groups"
READ_ALL = "dac_read_search"


@functools.cache
def nobody_can_read() -> bool:
    """Whether nobody may run the tool, wherever its files are."""
    command = ["setpriv", *NOBODY.split(), str(TOOL), "--version"]
    return not subprocess.run(command, check=False, capture_output=True).returncode


def as_nobody(capabilities: Iterable[str]) -> str:
    """Return a command that runs another as nobody with these capabilities.

    Where the tool is in a folder that only root may read, one more is needed.
    """
    names = {*capabilities, *(() if nobody_can_read() else (READ_ALL,))}
    sets = ",".join(["-all", *(f"+{name}" for name in sorted(names))])
    kinds = ("bounding-set", "inh-caps", "ambient-caps")
    return " ".join(["setpriv", NOBODY, *(f"--{kind}={sets}" for kind in kinds)])


def as_root(capabilities: Iterable[str]) -> str:
    """Return a command that runs another as root without its other capabilities."""
    sets = ",".join(["-all", *(f"+{name}" for name in sorted(capabilities))])
    return f"setpriv --bounding-set={sets}"


def script_of(wrapper: str, locks: str = "unlimited") -> str:
    """Return a shell script that runs the tool by a wrapper.

    ``locks``: the KiB of memory that it may lock, if they may be changed.
    """
    tool = shlex.quote(str(TOOL))
    return f'ulimit -l {locks} 2>/dev/null || :\nexec {wrapper} {tool} "$@"\n'


def use(wrapper: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the fixtures of this test start the tool by a wrapper."""
    script = folder / "tcpconnect"
    script.write_text(f"#!/bin/sh\n{script_of(wrapper)}")
    script.chmod(0o755)
    monkeypatch.setattr(conftest, "TOOL", script)


class Status(NamedTuple):
    """What /proc/PID/status says about privileges."""

    uid: int
    permitted: int
    effective: int
    inheritable: int
    bounding: int
    ambient: int
    no_new_privs: int


def parse_status(text: str) -> Status:
    """Return the privileges in the text of a status file."""
    fields = dict(line.split(":", 1) for line in text.splitlines())
    permitted, effective, inheritable, bounding, ambient = (
        int(fields[f"Cap{kind}"], 16) for kind in "Prm Eff Inh Bnd Amb".split()
    )
    return Status(
        *(int(fields["Uid"].split()[1]), permitted, effective, inheritable),
        *(bounding, ambient, int(fields["NoNewPrivs"])),
    )


def status_of(pid: int) -> Status:
    """Return the privileges of a process."""
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        return parse_status(file.read())


def own_status() -> Status:
    """Return the privileges of this process."""
    return status_of(os.getpid())
