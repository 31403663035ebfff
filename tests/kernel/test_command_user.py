"""As whom ``tcpconnect -- COMMAND`` runs the command."""

from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path

import pytest

from tests.support.commands import CONNECT, Result

pytestmark = pytest.mark.usefixtures("netns")


NOBODY = pwd.getpwnam("nobody")


IDENTITY = """
names = ("HOME", "USER", "LOGNAME")
print(os.getresuid(), os.getresgid(), sorted(os.getgroups()))
print([os.environ.get(name) for name in names])
"""
SUDO = {
    "SUDO_UID": str(NOBODY.pw_uid),
    "SUDO_GID": str(NOBODY.pw_gid),
    "SUDO_USER": "nobody",
    "HOME": pwd.getpwuid(0).pw_dir,
    "USER": "root",
    "LOGNAME": "root",
}


def identity(folder: Path, **environment: str) -> list[str]:
    """Return what the command says of itself in an environment."""
    python = Path(sys.executable).resolve()
    readable = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else python
    command = (str(readable), "-SE", "-c", CONNECT + IDENTITY)
    result = Result(folder, "-j", *command, env={**os.environ, **environment})
    assert (result.wait(), result.stderr) == (0, b"")
    return result.stdout.decode().splitlines()


def test_sudo(tmp_path: Path) -> None:
    """Under sudo the command runs as the user who called it."""
    uid, gid = NOBODY.pw_uid, NOBODY.pw_gid
    groups = sorted(os.getgrouplist("nobody", gid))
    assert identity(tmp_path, **SUDO) == [
        f"{(uid,) * 3} {(gid,) * 3} {groups}",
        f"{[NOBODY.pw_dir, 'nobody', 'nobody']}",
    ]


def test_sudo_that_kept_variables(tmp_path: Path) -> None:
    """Variables that sudo keeps are the user's already."""
    kept = {**SUDO, "HOME": "/home/kept", "USER": "someone", "LOGNAME": "else"}
    assert identity(tmp_path, **kept)[1] == "['/home/kept', 'someone', 'else']"


@pytest.mark.parametrize("environment", [{}, {"SUDO_UID": "0", "SUDO_GID": "0"}])
def test_no_sudo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    """Without sudo, or called by root, the command runs as root."""
    for name in ("SUDO_UID", "SUDO_GID"):
        monkeypatch.delenv(name, raising=False)
    assert identity(tmp_path, **environment)[0].startswith("(0, 0, 0) (0, 0, 0)")
