"""The image, run by the command that docs/install.md has for one machine."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.image.conftest import here
from tests.image.image_kubernetes import ADDRESS, CONNECT, PORT
from tests.support.pods import LIMITS, READY
from tests.support.recorder import asked
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.pods import Podman

PAGE = Path(__file__).parents[2] / "docs/install.md"
BLOCK = re.compile(r"^# podman load .*?^```", re.MULTILINE | re.DOTALL)
NODE = "node-7"


def commands() -> list[list[str]]:
    """Return the document's commands, as a shell reads them."""
    (block,) = BLOCK.findall(PAGE.read_text())
    text = block.removesuffix("```").replace("\\\n", "").replace("$(hostname)", NODE)
    return [shlex.split(line.removeprefix("# ")) for line in text.splitlines()]


@pytest.fixture
def ask(podman: Podman, seccomp: Path) -> Iterator[list[str]]:
    """The command that asks the container's history; the container runs."""
    _, run, ask = commands()
    assert (run[:2], ask[:2]) == (["podman", "run"], ["podman", "exec"])
    # What a test needs besides; and where this machine has what a machine usually has.
    more = [*LIMITS, "--network=none", f"--security-opt=seccomp={seccomp}"]
    for path, there in here().items():
        run = [word.replace(f"{path}:", f"{there}:", 1) for word in run]
    podman("run", *more, *run[2:])
    yield ask[1:]
    podman("rm", "--force", "--time=20", "tcpconnect")


@pytest.mark.usefixtures("netns")
def test_documented(podman: Podman, ask: list[str]) -> None:
    """It records an attempt of the machine, under the machine's name."""
    logs = [*podman.command, "logs", "tcpconnect"]

    def said() -> str:
        return subprocess.run(logs, check=True, capture_output=True, text=True).stderr

    wait_until(lambda: READY in said(), "the recorder")
    connecting = [sys.executable, "-c", CONNECT, ADDRESS, str(PORT)]
    subprocess.run(connecting, check=True)
    podman("kill", "--signal=USR1", "tcpconnect")
    words = [*ask, "-j", "-P", str(PORT)]
    found = json.loads(wait_until(lambda: podman(*words), "the attempt"))
    assert (found["destination"], found["attempts"]) == (ADDRESS, 1)
    place = podman("volume", "inspect", "--format={{.Mountpoint}}", "tcpconnect")
    assert asked(Path(place, "history.db"), "SELECT host FROM runs") == [(NODE,)]
