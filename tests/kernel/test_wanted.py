"""The filters of user space, on real attempts."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tcpconnect import trace
from tests.support.attempts import Child, attempt
from tests.support.lookups import resolving
from tests.support.places import PLACES, POD
from tests.support.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.processes import Cgroup

pytestmark = pytest.mark.usefixtures("netns")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        # More of them are in test_recorded_law_places.py.
        ("--unit nginx.service", [80]),
        ("--unit nginx.scope --unit nginx-debug", [81, 82]),
        (f"--pod {POD}", [83]),
        ("--unit nginx* --pod *", []),
        ("--unit nginx -P 81", []),
        ("--unit nginx* --limit 2", [80, 81]),
    ],
)
def test_places(
    cgroups: Callable[..., Cgroup], options: str, expected: list[int]
) -> None:
    """--unit and --pod pass those in the unit, or pod, alone."""

    def connect() -> None:
        for port, names in PLACES.items():
            cgroups(*names).enter()
            attempt("127.0.0.1", port)

    with (
        Child(connect) as child,
        Tool("-j", "-p", child.pid, *options.split()) as tool,
    ):
        child.run()
        if "--limit" not in options:
            tool.process.terminate()
        assert tool.wait() == 0
        assert [event["dport"] for event in tool.all_events()] == expected
        assert all("unit" not in event for event in tool.all_events())


def test_a_unit_that_starts_later(cgroups: Callable[..., Cgroup]) -> None:
    """It is a notice that it does not run, and its attempts are shown."""
    name = f"tcpconnect-{os.getpid()}"

    def connect() -> None:
        cgroups(f"{name}.service").enter()
        attempt("127.0.0.1", 80)

    with (
        Child(connect) as child,
        Tool("-j", "-p", child.pid, "--unit", name) as tool,
    ):
        line = f"tcpconnect: no unit '{name}' runs now: it is traced when it starts"
        assert line.encode() in tool.stderr
        child.run()
        assert len(tool.events(1)) == 1


CONNECT = """\
import socket, sys
for name in sys.argv[1:]:
    try:
        socket.create_connection((name, 7), 1)
    except OSError:
        pass
"""


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--to-name", "DB.corp.*"], [("db.corp.test", 7)]),
        (["--to-name", "*.test", "-r"], [("db.corp.test", 7), ("gone.test", None)]),
        (["--to-name", "corp.test"], []),
        (["--result", "nxdomain"], [("gone.test", None)]),
        (["--to-name", "*", "--result", "ECONNREFUSED"], [("db.corp.test", 7)]),
    ],
)
def test_names(
    tmp_path: Path, options: list[str], expected: list[tuple[str, int | None]]
) -> None:
    """--to-name passes destinations, and failed lookups, of these names."""
    with (
        resolving(tmp_path),
        open("/etc/hosts", "a", encoding="ascii") as hosts,
    ):
        hosts.write("127.0.0.9 db.corp.test\n")
        hosts.flush()
        work = [sys.executable, "-c", CONNECT, "db.corp.test", "gone.test", "127.0.0.8"]
        with (
            Child(lambda: subprocess.run(work, check=True)) as child,
            Tool("-dj", "-f", "-p", child.pid, *options) as tool,
        ):
            child.run()
            assert tool.stop() == 0
            events = tool.all_events()
    shown = {(event["query"], event["dport"]) for event in events}
    assert shown == set(expected)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--result", "ok"], ["OK"]),
        (["--result", "econnrefused"], ["ECONNREFUSED"]),
        (["--result", "OK", "--result", "ECONNREFUSED"], ["ECONNREFUSED", "OK"]),
        (["--result=ECONNREFUSED,ENETUNREACH"], ["ECONNREFUSED", "ENETUNREACH"]),
        (["--result", "ETIMEDOUT"], []),
        (["--failed", "--result", "OK"], []),
        (["--result"], ["ECONNREFUSED", "OK"]),
    ],
)
def test_results(options: list[str], expected: list[str]) -> None:
    """--result with a value passes these results; without one it is -r."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Tool("-j", "-p", os.getpid(), *options) as tool,
    ):
        socket.create_connection(server.getsockname()).close()
        attempt("127.0.0.1", 1)
        if "ENETUNREACH" in str(options):  # some kernels show it only then
            with socket.socket() as client:
                client.connect_ex(("192.0.2.1", 1))
        assert tool.stop() == 0
        assert sorted(event["result"] for event in tool.all_events()) == expected


def test_api() -> None:
    """The same from Python."""
    with trace(results=["econnrefused"], pids=[os.getpid()], duration=60) as events:
        for batch in events.batches():
            if not batch.events:
                attempt("127.0.0.1", 9)
                continue
            assert [event.result for event in batch.events] == ["ECONNREFUSED"]
            break
