"""Losses are counted exactly: made = printed + counted as lost."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from itertools import islice, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect.connection import CONNECTION
from tests.support import launch
from tests.support.attempts import Child, attempt, run_all
from tests.support.tool import READY, Tool, told
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.network import NetNs

pytestmark = pytest.mark.usefixtures("netns")

# Of maps that would take long to fill.
MAX_PENDING, SLOT_BITS, MAX_FLOWS = 4096, 10, 8192
TINY = ("--ring-bytes", 4096)  # room for 24 attempts
HAMMERED = 1500


def start(*options: object, **popen: Any) -> Tool:
    """Trace this process."""
    return Tool("-p", os.getpid(), *options, **popen)


def overflow(tool: Tool, made: int) -> None:
    """Make attempts while it is stopped, so that the ring is not read."""
    tool.process.send_signal(signal.SIGSTOP)
    status = Path(f"/proc/{tool.process.pid}/stat")
    wait_until(lambda: ") T " in status.read_text(), "it to stand still")
    for _ in range(made):
        attempt("127.0.0.1", 1)
    tool.process.send_signal(signal.SIGCONT)


MODES = [(), ("-L",), ("-r",), ("-j",), ("-rj",), ("--format", "csv"), ("--failed",)]


@pytest.mark.parametrize("options", MODES, ids=" ".join)
def test_ring_overflow(options: tuple[str, ...]) -> None:
    """What did not fit the ring is counted, in every mode."""
    made = 300
    with start(*TINY, *options) as tool:
        overflow(tool, made)
        assert tool.stop() == 0
        header = "j" not in "".join(options)
        printed = tool.stdout.count(b"\n") - header
        lost = told(tool, "attempts lost")
        assert 24 <= printed < made
        assert printed + lost == made


def test_normal_after_a_standstill() -> None:
    """Losses are reported when it continues; then nothing is lost."""
    made, more = 800, 20
    columns = ("--columns", ",".join(CONNECTION))
    with start("--ring-bytes", 1 << 16, "-jd", *columns) as tool:
        overflow(tool, made)
        wait_until(
            lambda: tool.stdout and told(tool, "attempts lost", "warning:"),
            "the warning",
        )
        lost = told(tool, "attempts lost", "warning:")
        shown = len(tool.events(made - lost))
        assert shown == made - lost
        for n in range(1, 1 + more):
            attempt("127.0.0.1", 1)
            event = tool.events(shown + n)[-1]
        assert tool.stop() == 0
        assert len(tool.all_events()) == shown + more
        assert told(tool, "attempts lost") == lost
    expected = {
        "pid": os.getpid(),
        "dport": 1,
        "result": "ECONNREFUSED",
        "query": "localhost",
        "exe": os.path.realpath(sys.executable),
    }
    assert {key: event[key] for key in expected} == expected


def test_no_loss_no_word() -> None:
    """When all fits, no loss is reported."""
    made = 300
    with start() as tool:
        for _ in range(made):
            attempt("127.0.0.1", 1)
        assert tool.stop() == 0
        assert tool.stdout.count(b"\n") - 1 == made
        assert tool.stderr == READY


def hammer() -> None:
    """Make many attempts as fast as can be."""
    for _ in range(HAMMERED):
        attempt("127.0.0.1", 1)


@pytest.mark.parametrize("ring", [(), TINY], ids=["large", "tiny"])
def test_many_processes_at_once(ring: tuple[object, ...]) -> None:
    """On all CPUs at once: each attempt has its result, or is counted as lost."""
    with ExitStack() as stack:
        children = [stack.enter_context(Child(hammer)) for _ in range(4)]
        pids = ",".join(str(child.pid) for child in children)
        options = ("-r", "-p", pids, "--columns", "result")
        tool = stack.enter_context(Tool(*options, *ring))
        run_all(children)
        assert tool.stop() == 0
        header, *results = tool.stdout.decode().splitlines()
        assert header == "RESULT"
        assert set(results) == {"ECONNREFUSED"}
        lost = told(tool, "attempts (?:of this machine )?lost")
        assert len(results) + lost == 4 * HAMMERED


def test_warnings_at_most_once_a_second() -> None:
    """While it loses all the time, it warns once a second, and of each loss once."""
    with start(*TINY, stdout=subprocess.DEVNULL) as tool:
        began = time.monotonic()

        def warns_again() -> bool:
            overflow(tool, 100)
            return tool.stderr.count(b"warning: ") > 1

        wait_until(warns_again, "a second warning")
        assert tool.stop() == 0
        passed = time.monotonic() - began
        assert 2 <= tool.stderr.count(b"warning: ") <= 1 + passed
        warned = told(tool, "attempts lost", when="warning:")
        assert 0 < warned <= told(tool, "attempts lost")


def test_count_needs_no_ring() -> None:
    """-c counts in the kernel: a tiny ring that is not read loses nothing."""
    made = 1000
    with start("-c", "--columns", "connects", *TINY) as tool:
        overflow(tool, made)
        assert tool.stop() == 0
        header, connects = tool.stdout.split()
        assert header == b"CONNECTS"
        assert int(connects) == made
        assert tool.stderr == READY


def connect_to_many(flows: int) -> None:
    """Attempt as many addresses and ports, each once.

    No port of those that the kernel chooses as a source: it could meet itself.
    """
    with socket.socket() as client:
        for host, port in islice(product(range(1, 255), range(1, 32768)), flows):
            client.connect_ex((f"127.0.0.{host}", port))


def test_more_flows_than_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts of flows that did not fit are counted together; others by flow."""
    more, again = 1000, 5
    most = MAX_FLOWS
    smaller = launch.with_smaller(tmp_path / "tool", MAX_FLOWS=most)
    monkeypatch.setattr(launch, "TOOL", smaller)
    with start("-c", "--format", "csv", "--columns", "dport,connects") as tool:
        connect_to_many(most + more)
        for _ in range(again):
            attempt("127.0.0.1", 1)
        assert tool.stop() == 0
        rows = [line.split(b",") for line in tool.stdout.splitlines()[1:]]
        counted = sum(int(connects) for _, connects in rows)
        lost = told(tool, "attempts not counted")
        assert counted + lost == most + more + again
        assert lost == more
    assert rows[0] == [b"1", str(1 + again).encode()]
    assert len(rows) == most


def open_attempts(numbers: Iterable[int]) -> list[socket.socket]:
    """Return sockets whose attempts stay open: 10.2.0.0/16 does not answer."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    sockets = []
    for n in numbers:
        client = socket.socket(type=socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        client.connect_ex((f"10.2.{n >> 8 & 255}.{n & 255}", 80 + (n >> 16)))
        sockets.append(client)
    return sockets


class Holder(Child):
    """A process that opens attempts on demand, and keeps them open until its end."""

    def __init__(self, numbers: Iterable[int]) -> None:
        held: list[socket.socket] = []
        super().__init__(lambda: held.extend(open_attempts(numbers)))


@pytest.mark.usefixtures("far")
def test_more_pending_than_fit(
    netns: NetNs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can't be followed is shown at once, without a result, and counted."""
    netns.sysctl("net.ipv4.tcp_syn_retries=20")  # none times out before all are made
    share = 4096  # as many descriptors as a process may have at least
    most, slots = MAX_PENDING, 1 << SLOT_BITS
    smaller = launch.with_smaller(
        tmp_path / "tool", MAX_PENDING=most, SLOT_BITS=SLOT_BITS
    )
    monkeypatch.setattr(launch, "TOOL", smaller)
    firsts = range(0, most + slots + share, share)
    made = len(firsts) * share
    with ExitStack() as stack:
        holders = [
            stack.enter_context(Holder(range(first, first + share))) for first in firsts
        ]
        pids = ",".join(str(holder.pid) for holder in holders)
        tool = stack.enter_context(Tool("-r", "-p", pids, "--columns", "result"))
        for holder in holders:
            holder.run()
        # The map is full, and so are the slots that some of these hash to.
        more = made - most - slots
        assert tool.lines(1 + more)[: 1 + more] == ["RESULT"] + more * ["-"]
        assert tool.stop() == 0
        _, *results = tool.stdout.decode().splitlines()
        unknown = told(tool, "attempts without a result")
        pending = made - unknown
        assert results == unknown * ["-"] + pending * ["PENDING"]
        assert most + slots // 2 < pending <= most + slots
