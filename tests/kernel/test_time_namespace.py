"""In a time namespace Python's clock is not the kernel's: all times are right."""

from __future__ import annotations

import os
import signal
import socket
import time
from datetime import datetime
from pathlib import Path

import pytest

from tests.support import launch
from tests.support.attempts import PORT, attempt
from tests.support.resolvers import look_up, serve
from tests.support.sockets import CLOCK_SLACK_S, CLOSED, HOLE, begin
from tests.support.tool import Tool

pytestmark = pytest.mark.usefixtures("netns", "far")

MOST_MS = 60_000


@pytest.fixture(params=[100_000, -200])
def shifted(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Have the tool started in a time namespace whose clock is ahead, or behind."""
    if not Path("/proc/self/ns/time").exists():
        pytest.skip("this kernel has no time namespaces")
    # The clock may not be below 0.
    seconds = max(request.param, 1 - int(time.monotonic()))
    script = tmp_path / "tcpconnect"
    words = f"unshare -T --monotonic {seconds} --fork {launch.TOOL}"
    script.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setattr(launch, "TOOL", script)


def stop(tool: Tool) -> None:
    """Stop the tool, which is the child of unshare(1)."""
    pid = tool.process.pid
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    os.kill(int(child), signal.SIGINT)
    assert tool.wait() == 0


@pytest.mark.usefixtures("shifted")
@pytest.mark.parametrize("options", [(), ("--slower", "0.001")])
def test_times(options: tuple[str, ...]) -> None:
    """When an attempt began, and how old it is when it has not ended."""
    with (
        Tool("-jr", "-p", os.getpid(), *options) as tool,
        socket.socket() as client,
    ):
        ready = time.time()
        begin(client, HOLE)
        attempt(*CLOSED)
        tool.events(1)
        stop(tool)
        ended, pending = tool.all_events()
    assert (ended["result"], pending["result"]) == ("ECONNREFUSED", "PENDING")
    for event in (ended, pending):
        began = datetime.fromisoformat(event["time"][:26] + "+00:00").timestamp()
        assert ready - CLOCK_SLACK_S < began < time.time() + CLOCK_SLACK_S
        assert 0 < event["latency_ms"] < MOST_MS


@pytest.mark.usefixtures("shifted")
@pytest.mark.parametrize("options", ["-dj", "-cdj"])
def test_names(options: str) -> None:
    """A name is neither too old nor too new, with -c neither."""
    address = "127.9.8.7"
    zone = {"shifted.example.": [address]}
    with (
        serve(zone),
        Tool(options, "-P", PORT, "--names", "dns", "--names-ttl", 600) as tool,
    ):
        look_up("shifted.example")
        attempt(address, PORT)
        stop(tool)
        assert [event["query"] for event in tool.all_events()] == ["shifted.example"]
