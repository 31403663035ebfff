"""In a cgroup namespace, as of containers, with the machine's hierarchy mounted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tcpconnect.machine.cgroup import mount_point
from tests.support.places import cgroup

ROOT = "from tcpconnect.machine.cgroup import mount_point; print(mount_point())"
OWN = "umount -a -t cgroup2; mkdir -p $3; mount -t cgroup2 none $3;"
SCRIPT = 'echo $$ >$1/cgroup.procs; exec unshare --cgroup --mount sh -ec "%s" - $@'


@pytest.mark.parametrize("own", [False, True], ids=["the machine's", "its own"])
def test_root(tmp_path: Path, *, own: bool) -> None:
    """The machine's, which is ``/..`` there, is found; its own if that is all."""
    expected = os.fsencode(tmp_path) if own else mount_point()
    top = Path(os.fsdecode(mount_point()))
    script = SCRIPT % f"{OWN if own else ''} exec \\$2 -c '{ROOT}'".replace(
        "$3", "\\$3"
    )
    with cgroup(top / f"tcpc-{os.getpid()}-namespace") as inside:
        done = subprocess.run(
            ["sh", "-ec", script, "-", inside, sys.executable, tmp_path],
            check=True,
            capture_output=True,
            text=True,
        )
    assert done.stdout.strip() == repr(expected)
