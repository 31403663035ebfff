"""Commands that the tool runs and traces."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.support import launch
from tests.support.tool import READY

if TYPE_CHECKING:
    from pathlib import Path

PYTHON = (sys.executable, "-SE", "-c")

CONNECT = """
import os, socket, sys
def connect(port):
    with socket.socket() as client:
        client.connect_ex(("127.0.0.1", port))
"""


class Result:
    """What the tool did with a command, and what it wrote to ``-o``."""

    def __init__(self, folder: Path, options: str, *command: str, **popen: Any) -> None:
        self.file = folder / "events"
        self.process = subprocess.Popen(
            **launch.command(
                [*options.split(), "-o", self.file, "--", *command],
                popen.pop("env", None),
            ),
            stdin=popen.pop("stdin", subprocess.DEVNULL),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **popen,
        )

        self.stdout = self.stderr = b""
        self.ready = False

    def wait(self) -> int:
        """Wait for its end; return its exit code. The ready line is cut off."""
        self.stdout, stderr = self.process.communicate(timeout=60)
        self.ready = stderr.startswith(READY)
        self.stderr = stderr.removeprefix(READY)
        return int(self.process.returncode)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The JSON objects in the file."""
        return [json.loads(line) for line in self.file.read_bytes().splitlines()]

    @property
    def ports(self) -> list[int]:
        """Their destination ports."""
        return [event["dport"] for event in self.events]


def run(folder: Path, options: str, code: str) -> Result:
    """Run Python code under the tool, which must end as the code does, with 0."""
    result = Result(folder, options, *PYTHON, CONNECT + code)
    assert (result.wait(), result.stdout, result.stderr) == (0, b"", b"")
    assert result.ready
    return result


DAEMON = """
ready, tell = os.pipe()
if not os.fork():
    os.setsid()
    if not os.fork():
        os.close(tell)
        for fd in (0, 1, 2):
            os.close(fd)
        os.read(ready, 1)
        connect(2)
    os._exit(0)
os.wait()
connect(1)
"""
