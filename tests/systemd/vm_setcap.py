"""docs/privileges.md, "For a group of users": its commands, carried out."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.tracing import CONNECTING, PORT, event, privileges, sh, tracing

PAGE = Path("docs/privileges.md")
FOLDER = Path("/opt/tcpconnect")
TOOL = FOLDER / "bin/tcpconnect"


def recipe() -> str:
    """Return the commands of the page as a script."""
    section = PAGE.read_text().partition("## For a group of users")[2]
    block = re.search(r"```console\n(.*?)```", section, re.DOTALL)
    assert block
    return block[1].replace("# ", "")


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    """The tool in an environment of its own, a member of the group, and a stranger."""
    options = ["--without-pip", "--system-site-packages"]
    sh("/usr/bin/python3", "-m", "venv", *options, str(FOLDER))
    script = Path(shutil.which("tcpconnect") or "").read_text()
    TOOL.write_text(f"#!{FOLDER}/bin/python3\n{script.partition(chr(10))[2]}")
    TOOL.chmod(0o755)
    subprocess.run(["sh", "-eu"], input=recipe(), cwd=FOLDER, check=True, text=True)
    sh("useradd", "--groups=tracers", "alice")
    sh("useradd", "mallory")


def test_member() -> None:
    """A member of the group traces, and then has no privileges any more."""
    options = ["-rdj", "-P", str(PORT), "--columns", "dport,result"]
    with tracing("runuser", "-u", "alice", "--", str(TOOL), *options) as tool:
        sh(*CONNECTING)
        assert event(tool) == {"dport": PORT, "result": "ECONNREFUSED"}
        (pid,) = sh("pgrep", "-u", "alice", "-f", str(TOOL)).split()
        assert int(privileges(pid)["CapPrm"], 16) == 0
        sh("kill", pid)


def test_command_of_a_member() -> None:
    """A command gets none of them."""
    said = sh(
        *("runuser", "-u", "alice", "--", str(TOOL), "-o", "/dev/null", "--"),
        *("grep", "-E", "^Cap(Prm|Amb|Inh)", "/proc/self/status"),
    )
    assert {int(line.split()[1], 16) for line in said.splitlines()} == {0}


def test_stranger() -> None:
    """Who is not in the group can't execute it."""
    command = ["runuser", "-u", "mallory", "--", str(TOOL), "--version"]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode
    assert "Permission denied" in ended.stderr
