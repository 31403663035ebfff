"""--failed and --slower, and the outcomes and latencies that -c counts."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.attempts import attempt
from tests.support.sockets import CLOSED, HOLE, NEAR, Watch, begin, event, port
from tests.support.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.network import NetNs

SMALLEST_RING = 4096  # bytes: some thirty records
MANY = 200
SLOW_MS = 100
HISTOGRAM_ROW = re.compile(r" *\d+ -> \d+ +: (\d+) +\|\**")


def connect(server: socket.socket, times: int = 1) -> None:
    """Make connections that succeed."""
    for _ in range(times):
        with (
            socket.create_connection(server.getsockname()[:2]),
            server.accept()[0],
        ):
            pass


def give_up(after_ms: int = 0, times: int = 1) -> None:
    """Make attempts that are given up after some time."""
    for _ in range(times):
        with socket.socket() as client:
            begin(client, HOLE)
            assert not select.select((), (client,), (), after_ms / 1000)[1]


@contextmanager
def stopped(tool: Tool) -> Iterator[None]:
    """Run the body while the tool can read nothing."""
    tool.process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, tool.process.pid, os.WSTOPPED | os.WNOWAIT)
    yield
    tool.process.send_signal(signal.SIGCONT)


def counts(tool: Tool) -> list[dict[str, Any]]:
    """Stop, and return the flows that were counted."""
    assert tool.stop() == 0
    return tool.all_events()


@pytest.mark.usefixtures("far")
def test_failed_are_all_that_are_not_ok(netns: NetNs) -> None:
    """With --failed, of four attempts those two that did not succeed."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Watch("--failed") as watch,
        socket.socket() as client,
    ):
        connect(server)
        client.bind(("127.0.0.1", 4000))
        client.connect_ex(CLOSED)
        with socket.socket() as aborted:
            begin(aborted, HOLE)
            second = event(netns, (NEAR, port(aborted)), HOLE, "ABORTED")
        connect(server)
        first = event(netns, ("127.0.0.1", 4000), CLOSED, "ECONNREFUSED")
        assert watch.outcomes(2) == [first, second]


@pytest.mark.usefixtures("far")
def test_slower_are_those_that_took_as_long(netns: NetNs) -> None:
    """With --slower, the one attempt that took its time, whatever its end."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Watch("--slower", SLOW_MS) as watch,
    ):
        connect(server)
        attempt(*CLOSED)
        give_up()
        with socket.socket() as slow:
            begin(slow, HOLE)
            assert not select.select((), (slow,), (), SLOW_MS / 1000)[1]
            expected = event(netns, (NEAR, port(slow)), HOLE, "ABORTED")
        connect(server)
        assert watch.outcomes() == [expected]
        assert watch.latencies_ms[0] >= SLOW_MS


@pytest.mark.usefixtures("netns", "far")
def test_failed_and_slower() -> None:
    """With both, those that failed and took as long."""
    with Watch("--failed", "--slower", SLOW_MS) as watch:
        attempt(*CLOSED)
        give_up(SLOW_MS)
        give_up()
        assert [made["result"] for made in watch.outcomes()] == ["ABORTED"]
        assert watch.latencies_ms[0] >= SLOW_MS


@pytest.mark.usefixtures("netns", "far")
def test_slower_is_true_of_pending_attempts() -> None:
    """When tracing stops, an open attempt is shown if it took as long."""
    with Watch("--slower", SLOW_MS) as watch, socket.socket() as old:
        begin(old, HOLE)
        assert not select.select((), (old,), (), SLOW_MS / 1000)[1]
        assert [made["result"] for made in watch.outcomes(0)] == ["PENDING"]
        assert watch.latencies_ms[0] >= SLOW_MS
    with Watch("--slower", 60_000) as watch, socket.socket() as young:
        begin(young, HOLE)
        assert watch.outcomes(0) == []


@pytest.mark.usefixtures("netns", "far")
def test_pending_attempts_are_not_ok() -> None:
    """When tracing stops, --failed shows open attempts: they are not OK."""
    with Watch("--failed") as watch, socket.socket() as client:
        begin(client, HOLE)
        assert [made["result"] for made in watch.outcomes(0)] == ["PENDING"]


@pytest.mark.usefixtures("netns", "far")
@pytest.mark.parametrize("option", [("--failed",), ("--slower", SLOW_MS)])
def test_decided_in_the_kernel(option: tuple[object, ...]) -> None:
    """Attempts that are not wanted take no room in the ring buffer.

    There is room for some thirty, and the tool does not read while many are made.
    """
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Watch("--ring-bytes", SMALLEST_RING, *option) as watch,
    ):
        with stopped(watch):
            connect(server, MANY)
            give_up(SLOW_MS)
            connect(server, MANY)
        assert [made["result"] for made in watch.outcomes()] == ["ABORTED"]
        assert watch.said.count(b"\n") == 1


@pytest.mark.usefixtures("netns", "far")
def test_count_outcomes() -> None:
    """-c: what succeeded, failed, and has not ended is counted apart."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as server6,
        Tool("-cj", "-p", os.getpid()) as tool,
        socket.socket() as pending,
    ):
        connect(server, 4)
        connect(server6, 3)
        attempt(*CLOSED)
        attempt(*CLOSED)
        begin(pending, HOLE)
        expected = [
            flow("127.0.0.1", server.getsockname(), 4, 4, 0),
            flow("::1", server6.getsockname(), 3, 3, 0),
            flow("127.0.0.1", CLOSED, 2, 0, 2),
            flow(NEAR, HOLE, 1, 0, 0),
        ]
        assert counts(tool) == expected


def flow(
    source: str, target: tuple[Any, ...], connects: int, ok: int, failed: int
) -> dict[str, Any]:
    """Return what -c counts for one flow."""
    flow = {"saddr": source, "daddr": target[0], "dport": target[1]}
    return flow | {"connects": connects, "ok": ok, "failed": failed}


def waited_for(*counted: Any) -> dict[str, Any]:
    """Return the same for -c -r, which counts those that have not ended, too."""
    made = flow(*counted)
    return made | {"pending": made["connects"] - made["ok"] - made["failed"]}


@pytest.mark.usefixtures("netns", "far")
def test_count_outcomes_of_one_flow() -> None:
    """-c: of one flow, attempts with all three outcomes."""
    with Tool("-cj", "-p", os.getpid()) as tool, socket.socket() as pending:
        target = ("127.0.0.1", 5000)
        attempt(*target)
        with socket.create_server(target) as server:
            connect(server, 2)
        give_up(times=3)
        begin(pending, HOLE)
        assert counts(tool) == [
            flow(NEAR, HOLE, 4, 0, 3),
            flow("127.0.0.1", target, 3, 2, 1),
        ]


@pytest.mark.usefixtures("netns", "far")
def test_count_latencies() -> None:
    """-c -r: mean and maximum of the attempts that ended, null if none did."""
    with Tool("-cjr", "-p", os.getpid()) as tool, socket.socket() as pending:
        give_up(SLOW_MS)
        give_up(3 * SLOW_MS)
        begin(pending, ("10.2.0.2", 80))
        ended, open_ = counts(tool)
        mean_ms, max_ms = (ended.pop(f"latency_{x}_ms") for x in ("avg", "max"))
        # The longer of two is between them, and no more than their sum.
        assert 3 * SLOW_MS <= max_ms <= 2 * mean_ms - SLOW_MS + 0.001
        assert 2 * SLOW_MS <= mean_ms < max_ms
        assert ended == waited_for(NEAR, HOLE, 2, 0, 2)
        nothing = {"latency_avg_ms": None, "latency_max_ms": None}
        assert open_ == waited_for(NEAR, ("10.2.0.2", 80), 1, 0, 0) | nothing


@pytest.mark.usefixtures("netns", "far")
@pytest.mark.parametrize("options", ["-c", "-cr"])
def test_histogram_has_all_that_ended(options: str) -> None:
    """-c --histogram: its counts are those of the attempts that have ended."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Tool(options, "--histogram", "-p", os.getpid()) as tool,
        socket.socket() as pending,
    ):
        connect(server, 40)
        attempt(*CLOSED)
        give_up(SLOW_MS)
        begin(pending, HOLE)
        assert tool.stop() == 0
        rows = [int(n) for n in HISTOGRAM_ROW.findall(tool.stdout.decode())]
        assert sum(rows) == 42
        # 2^16 us = 66 ms to 2^17 us = 131 ms and so on: there is the slow one.
        assert any(rows[16:])


@pytest.mark.usefixtures("netns", "far")
def test_count_failed_only() -> None:
    """-c --failed: flows of attempts that failed, and only these attempts."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Tool("-cj", "--failed", "-p", os.getpid()) as tool,
    ):
        connect(server, 3)
        attempt(*CLOSED)
        give_up(times=2)
        shown = counts(tool)
        for row in shown:
            assert 0 < row.pop("latency_avg_ms") <= row.pop("latency_max_ms")
        assert shown == [
            waited_for(NEAR, HOLE, 2, 0, 2),
            waited_for("127.0.0.1", CLOSED, 1, 0, 1),
        ]


@pytest.mark.usefixtures("netns", "far")
def test_count_slower_only() -> None:
    """-c --slower: flows of attempts that took as long, and only these attempts."""
    with Tool("-c", "--slower", SLOW_MS, "-p", os.getpid(), "--json") as tool:
        attempt(*CLOSED)
        give_up()
        give_up(SLOW_MS)
        (shown,) = counts(tool)
        assert SLOW_MS <= shown.pop("latency_avg_ms") == shown.pop("latency_max_ms")
        assert shown == waited_for(NEAR, HOLE, 1, 0, 1)
