"""What is traced by a name or a PID belongs to users who do what they like with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tcpconnect.kernel.capacities import MAX_FLOWS
from tcpconnect.machine import cgroup
from tests.support.attempts import run_tool
from tests.support.launch import EMULATED
from tests.support.tool import Tool, told, waited
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("netns")

USER = 54321
PORT = 4716
START_S, STOP_S = 25.0 if EMULATED else 5.0, 2.0
CONNECT = f"import socket; socket.socket().connect_ex(('127.0.0.1', {PORT}))"
# Waits for a line, connects, becomes another program that does the same.
AGAIN = f"""
import os, sys
sys.stdin.readline()
{CONNECT}
if sys.argv[1] != "0":
    again = str(int(sys.argv[1]) - 1)
    os.execv(sys.executable, [sys.executable, "-uc", sys.orig_argv[2], again])
"""


def test_process_that_becomes_another() -> None:
    """Its PID is traced, whatever it executes; nobody else's is."""
    command = [sys.executable, "-uc", AGAIN, "2"]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE) as process,
        Tool("-jp", process.pid) as tool,
    ):
        subprocess.run([sys.executable, "-c", CONNECT], check=True)
        assert process.stdin
        process.stdin.write(b"\n\n\n")
        process.stdin.close()
        assert tool.wait() == 0
        assert [event["pid"] for event in tool.all_events()] == 3 * [process.pid]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_command_that_its_user_ends(tmp_path: Path, number: int) -> None:
    """It ends as it would without the tool; what it did is shown."""
    output = tmp_path / "lines"
    waits = f"{CONNECT}; import signal; signal.pause()"
    command = ["setpriv", f"--reuid={USER}", "--", "/usr/bin/python3", "-c", waits]
    with Tool("-j", "-o", output, "--", *command) as tool:
        (event,) = wait_until(lambda: read(output), "a line")
        kill = f"kill -{int(number)} {event['pid']}"
        user = f"--reuid={USER}"
        subprocess.run(["setpriv", user, "sh", "-c", kill], check=True)
        assert tool.wait() == 128 + number
        assert read(output) == [event]


def read(path: Path) -> list[dict[str, object]]:
    """Return the lines of a file that are whole."""
    *lines, _ = path.read_text().split("\n")
    return [json.loads(line) for line in lines]


@contextmanager
def cgroups(*paths: str) -> Iterator[None]:
    """Have a user make cgroups in one that is the user's."""
    top = Path(os.fsdecode(cgroup.mount_point())) / f"tcpc-{os.getpid()}"
    made = [top]
    top.mkdir()
    try:
        for path in paths:
            place = top
            for name in path.split("/"):
                place /= name
                if not place.is_dir():
                    place.mkdir()
                    made.append(place)
                    os.chown(place, USER, USER)
        yield
    finally:
        for place in reversed(made):
            place.rmdir()


IDS = [f"{number:064x}" for number in range(300)]


def test_containers_of_a_user() -> None:
    """Of however many, with whatever names: the answer comes soon, and is harmless."""
    names = [f"libpod-{each}.scope" for each in IDS]
    names += [f"machine-\\x1b[31m{n}\x1b[2J\u202e.scope" for n in range(9)]
    names += ["/".join(120 * ["a"]), "lxc/" + "/".join(60 * ["a", "lxc"])]
    with cgroups(*names):
        for wanted in ("web", "0000000", "\x1b[31m", "x" * 5000, "*", ""):
            began = time.monotonic()
            ended = run_tool("--container", wanted)
            assert time.monotonic() - began < START_S
            assert ended.returncode == 2, wanted
            assert ended.stderr.count("\n") == 1
            assert ended.stderr.removesuffix("\n").isprintable()


# Two processes connect to as many addresses as are counted, and some more.
FLOWS = f"""
import os, socket
os.setresuid({USER}, {USER}, {USER})
is_child = not (child := os.fork())
for n in range(is_child, {MAX_FLOWS + 1000}, 2):
    with socket.socket() as client:
        host = f"127.{{n // 62500 + 1}}.{{n // 250 % 250}}.{{n % 250 + 1}}"
        client.connect_ex((host, {PORT}))
assert is_child or os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(EMULATED, reason="so many connects take minutes in emulation")
def test_flows(tmp_path: Path) -> None:
    """Who fills the table of -c has the rest counted; the stop takes no longer."""
    outputs = tmp_path / "connects", tmp_path / "results"
    with (
        Tool("-c", "-P", PORT, "-o", outputs[0]) as one,
        Tool("-c", "-P", PORT, "-r", "-o", outputs[1]) as other,
    ):
        subprocess.run([sys.executable, "-c", FLOWS], check=True)
        for tool, output in zip((one, other), outputs, strict=True):
            waited_s = waited(tool)
            began = time.monotonic()
            tool.process.send_signal(signal.SIGINT)
            os.waitid(os.P_PID, tool.process.pid, os.WEXITED | os.WNOWAIT)
            took = time.monotonic() - began
            waited_s = waited(tool) - waited_s
            assert tool.wait() == 0
            assert len(output.read_text().splitlines()) == 1 + MAX_FLOWS
            assert told(tool, "attempts not counted") == 1000
            assert took < STOP_S + waited_s
