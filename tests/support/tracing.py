"""The tool running, programs that connect, and lines that are waited for."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

READY = "Tracing connect ... Hit Ctrl-C to end\n"
PORT = 4715  # closed
TIMEOUT_S = 90.0
CONNECT = f"import socket, sys; socket.socket().connect_ex((sys.argv[1], {PORT}))"
CONNECTING = [sys.executable, "-SEc", CONNECT, "127.0.0.1"]


def sh(*command: str) -> str:
    """Run a command, which must succeed; return what it prints."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    """Return the first true value of ``condition``, polled."""
    end = time.monotonic() + TIMEOUT_S
    while not (value := condition()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.1)
    return value


@contextmanager
def tracing(*command: str) -> Iterator[subprocess.Popen[str]]:
    """Run the tool; it is ready in the body, and its next line is an event."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as tool:
        assert tool.stderr
        said = [tool.stderr.readline()]
        while said[-1] not in {READY, ""}:
            said.append(tool.stderr.readline())
        assert said[-1] == READY, said
        try:
            yield tool
        finally:
            tool.kill()


def event(tool: subprocess.Popen[str]) -> dict[str, Any]:
    """Return its next event."""
    assert tool.stdout
    found: dict[str, Any] = json.loads(tool.stdout.readline())
    return found


def privileges(pid: int | str) -> dict[str, str]:
    """Return the lines of /proc/PID/status."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file)
