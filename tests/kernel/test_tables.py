"""-c again and again, and by any columns, on real attempts."""

from __future__ import annotations

import errno
import os
import pty
import re
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect import trace
from tests.support.attempts import Child, attempt, rename
from tests.support.launch import TOOL
from tests.support.tool import Tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.network import NetNs
    from tests.support.processes import Cgroup

pytestmark = pytest.mark.usefixtures("netns")

INTERVAL = 0.2
CLEAR = b"\x1b[H\x1b[2J"


def start(*options: object) -> Tool:
    """Count what this process connects to."""
    return Tool("-c", "-p", os.getpid(), *options)


def sums(events: list[dict[str, Any]], *names: str) -> dict[Any, list[int]]:
    """Return the sums of columns, by port."""
    found: dict[Any, list[int]] = {}
    for event in events:
        row = found.setdefault(event["dport"], [0] * len(names))
        for n, name in enumerate(names):
            row[n] += event[name]
    return found


def test_intervals_are_not_cumulated() -> None:
    """Each attempt is in one table."""
    with start("-j", "-i", INTERVAL) as tool:
        for port in (1, 2, 3):
            attempt("127.0.0.1", port)
            assert tool.events(port)[-1]["dport"] == port
        tool.stop()
        events = tool.all_events()
    assert sums(events, "connects", "failed") == {1: [1, 1], 2: [1, 1], 3: [1, 1]}
    times = [event["time"] for event in events]
    assert times == sorted(set(times))


HEADER = "RPORT             CONNECTS OK       FAILED"


def test_tables() -> None:
    """A time, a header and rows; an interval without attempts has no rows."""
    with start("-i", INTERVAL, "--by", "dport") as tool:
        attempt("127.0.0.1", 1)
        tool.lines(9)
        tool.stop()
        tables = tool.stdout.decode().split("\n\n")
    assert tables.pop() == ""
    assert len(tables) >= 3
    for table in tables:
        time, header, *_ = table.splitlines()
        assert re.fullmatch(r"\[\d\d:\d\d:\d\d\]", time)
        assert header == HEADER
    rows = [row for table in tables for row in table.splitlines()[2:]]
    assert rows == ["1                 1        0        1"]


@pytest.mark.parametrize("options", [["--by", "dport"], ["-i", INTERVAL]])
def test_pending(far: NetNs, options: list[object]) -> None:
    """An attempt without an answer is PENDING in each table, and one of CONNECTS."""
    assert far
    with (
        start("-rj", *options) as tool,
        socket.socket() as client,
    ):
        client.setblocking(False)  # noqa: FBT003 (its only argument)
        assert client.connect_ex(("10.2.0.1", 7)) == errno.EINPROGRESS
        if "-i" in options:
            tool.events(3)
        tool.stop()
        events = tool.all_events()
    assert sum(event["connects"] for event in events) == 1
    assert {event["pending"] for event in events} == {1}
    assert not any(event["ok"] or event["failed"] for event in events)


def test_pending_of_flows(far: NetNs) -> None:
    """-cr counts what is open in the kernel, too."""
    assert far
    with start("-r") as tool, socket.socket() as client:
        client.setblocking(False)  # noqa: FBT003 (its only argument)
        client.connect_ex(("10.2.0.1", 7))
        attempt("127.0.0.1", 7)
        tool.stop()
        header, *rows = [line.split()[3:] for line in tool.stdout.decode().splitlines()]
    assert header[:4] == ["CONNECTS", "OK", "FAILED", "PENDING"]
    assert sorted(row[:4] for row in rows) == [list("1001"), list("1010")]


def test_pending_that_ends(far: NetNs) -> None:
    """What ends in a later interval is no connect of that."""
    assert far
    with start("-rj", "-i", INTERVAL) as tool:
        with socket.socket() as client:
            client.setblocking(False)  # noqa: FBT003 (its only argument)
            client.connect_ex(("10.2.0.1", 7))
            assert tool.events(1)[0]["pending"] == 1
        wait_until(lambda: tool.all_events()[-1]["failed"], "its end")
        tool.stop()
        events = tool.all_events()
    assert sums(events, "connects", "failed") == {7: [1, 1]}


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("comm", [["one", 3], ["two", 1]]),
        ("comm,dport", [["one", 80, 2], ["one", 81, 1], ["two", 80, 1]]),
        ("result", [["ECONNREFUSED", 4]]),
        ("unit", [["tcpc.service", 3], [None, 1]]),
        ("exe,ip", "exe"),
    ],
)
def test_by(cgroups: Callable[..., Cgroup], by: str, expected: Any) -> None:
    """Rows by what the kernel does not count by."""
    group, none = cgroups("tcpc.service"), cgroups("none")

    def prepare(cgroup: Cgroup, name: bytes) -> Callable[[], None]:
        def work() -> None:
            cgroup.enter()
            rename(name)

        return work

    def several() -> None:
        for port in (80, 80, 81):
            attempt("127.0.0.1", port)

    one = Child(several, prepare(group, b"one"))
    two = Child(lambda: attempt("127.0.0.1", 80), prepare(none, b"two"))
    with one, two, Tool("-cj", "-p", f"{one.pid},{two.pid}", "--by", by) as tool:
        one.run()
        two.run()
        tool.stop()
        rows = [list(event.values()) for event in tool.all_events()]
    width = len(by.split(","))
    if expected == "exe":
        expected = [[os.readlink("/proc/self/exe"), 4, 4]]
    assert [row[: width + 1] for row in rows] == expected
    assert all(row[width + 1 : width + 3] == [0, row[width]] for row in rows)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--sort", "failed", "--limit", 1], [1]),
        (["--sort", "OK"], [0, 1, 2]),
        (["--by", "dport", "--sort", "failed"], [1, 2, 0]),
        (["--by", "dport", "--sort", "failed", "--limit", 2], [1, 2]),
        (["--result", "ECONNREFUSED"], [1, 2]),
        (["--result", "ok"], [0]),
        (["--unit", "no-such"], []),
    ],
)
def test_sort_limit_and_filters(options: list[object], expected: list[int]) -> None:
    """--sort and --limit are of rows; filters by columns hold for counts, too."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        start("-j", *options) as tool,
    ):
        ports = [server.getsockname()[1], 1, 2]
        for port, times in ((0, 4), (1, 3), (2, 2)):
            for _ in range(times):
                with socket.socket() as client:
                    client.connect_ex(("127.0.0.1", ports[port]))
        tool.stop()
        shown = [ports.index(event["dport"]) for event in tool.all_events()]
    if options[:2] == ["--sort", "OK"]:
        assert shown[0] == 0
        shown.sort()
    assert shown == expected


def test_clear_on_a_terminal() -> None:
    """--clear clears a terminal before each table, and nothing else."""
    pid, terminal = pty.fork()
    if not pid:
        options = ["-c", "-i", "0.1", "--clear", "--color", "never"]
        os.execv(TOOL, [str(TOOL), *options])  # noqa: S606 (no shell, on purpose)
    output = bytearray()

    def read() -> bool:
        try:
            output.extend(os.read(terminal, 65536))
        except OSError:  # EIO: the tool has ended, and all was read
            return True
        return False

    wait_until(lambda: read() or output.count(CLEAR) >= 3, "three screens")
    os.write(terminal, b"\x03")
    wait_until(read, "its end")
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    # Ctrl-C has the terminal drop what was not read.
    screens = output.decode().split(CLEAR.decode())[1:3]
    assert all(screen.startswith("[") and "CONNECTS" in screen for screen in screens)
    with start("-i", INTERVAL, "--clear") as tool:
        tool.lines(3)
        tool.stop()
        assert b"\x1b" not in tool.stdout


@pytest.mark.parametrize("options", [[], ["-i", INTERVAL], ["--by", "comm"]])
def test_losses_are_counted(options: list[object]) -> None:
    """Made = counted + lost, however it is counted."""
    made = 3000
    with start("-j", *options, "--ring-bytes", 4096) as tool:
        for port in range(made):
            attempt("127.0.0.1", 10_000 + port % 7)
        tool.stop()
        total = sum(event["connects"] for event in tool.all_events())
        lost = re.findall(r"in total, (\d+) attempts lost", tool.stderr.decode())
    assert total + sum(map(int, lost)) == made


def test_what_is_still_open(far: NetNs) -> None:
    """With an interval, batches say again and again which attempts have not ended."""
    assert far
    seen = []
    with (
        trace(pids=[os.getpid()], interval_s=0.1, duration=60) as events,
        socket.socket() as client,
    ):
        for batch in events.batches():
            if batch.still_open is None:
                assert batch.events == []
                continue
            seen.append([event.result for event in batch.still_open])
            if len(seen) == 1:
                client.setblocking(False)  # noqa: FBT003 (its only argument)
                client.connect_ex(("10.2.0.1", 7))
            elif len(seen) == 3:
                break
    assert seen == [[], ["PENDING"], ["PENDING"]]
