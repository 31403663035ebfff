"""packaging/tcpconnect.service: installed, started, tracing, stopped."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.tracing import CONNECT, PORT, READY, privileges, sh, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

UNITS = Path("/etc/systemd/system")
SERVICE = Path("packaging/tcpconnect.service")


@pytest.fixture
def service() -> Iterator[str]:
    """The service as docs/privileges.md installs it, ready; its PID."""
    shutil.copy(SERVICE, UNITS)
    sh("systemctl", "daemon-reload")
    sh("systemctl", "enable", "--now", "tcpconnect")
    wait_until(lambda: READY.rstrip("\n") in journal(), "the ready line")
    yield sh("systemctl", "show", "--property=MainPID", "--value", "tcpconnect").strip()
    sh("systemctl", "disable", "--now", "tcpconnect")


def journal() -> list[str]:
    """Return the lines of the service's last run."""
    sh("journalctl", "--sync")
    invocation = sh("systemctl", "show", "-PInvocationID", "tcpconnect").strip()
    found = f"_SYSTEMD_INVOCATION_ID={invocation}"
    command = ["journalctl", "--output=cat", found]  # fails when there is none yet
    told = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    return told.stdout.splitlines()


def events() -> list[dict[str, Any]]:
    """Return the events of the tests in the journal."""
    objects = (json.loads(line) for line in journal() if line.startswith("{"))
    return [event for event in objects if event["dport"] == PORT]


def test_traces(service: str) -> None:
    """It traces others, with their names, by few privileges that it gives up."""
    subprocess.run([sys.executable, "-c", CONNECT, "vm"], check=True)
    (event,) = wait_until(events, "the event in the journal")
    assert event["result"] == "ECONNREFUSED"
    assert event["query"] == "vm"
    status = privileges(service)
    assert not {"0", "65534"} & set(status["Uid"].split())
    assert int(status["CapPrm"], 16) == 0
    assert status["NoNewPrivs"] == "1"


def test_says_nothing_else(service: str) -> None:
    """All that it says is that it traces, and what names it can't see."""
    assert int(service)
    said = [line for line in journal() if line.startswith("tcpconnect: ")]
    assert len(said) == 2  # Debian lets only root use perf
    assert said[0].startswith("tcpconnect: no names from libc in containers: ")
    assert said[1].startswith("tcpconnect: C libraries in unusual places are found ")


def test_stops(service: str) -> None:
    """It ends well when it is stopped."""
    assert int(service)
    sh("systemctl", "stop", "tcpconnect")
    result = sh("systemctl", "show", "--property=Result", "--value", "tcpconnect")
    assert result == "success\n"
