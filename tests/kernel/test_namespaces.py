"""Thousands of network namespaces that come and go while all is traced."""

from __future__ import annotations

import errno
import mmap
import os
import socket
from pathlib import Path

from tcpconnect.connection import CONNECTION
from tests.support.attempts import Child
from tests.support.launch import EMULATED
from tests.support.network import set_lo_up
from tests.support.system import CLONE_NEWNET, libc
from tests.support.tool import READY, Tool
from tests.support.waiting import wait_until

ROUND = 100 if EMULATED else 500  # emulated, one takes 13 ms
ROUNDS = 4
# Names from C libraries would take descriptors for containers that others start.
OPTIONS = ("-j", "--dns-latency", "--names", "dns", "--columns", ",".join(CONNECTION))
MOST_GROWTH = 4 << 20


def connect_in_new_ones() -> None:
    """Make one attempt in each of many new network namespaces."""
    for _ in range(ROUND):
        assert libc.unshare(CLONE_NEWNET) == 0
        with socket.socket() as client:
            set_lo_up(client)
            assert client.connect_ex(("127.0.0.1", 1)) == errno.ECONNREFUSED


def memory(pid: int) -> int:
    """Return the resident memory of a process, in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * mmap.PAGESIZE


def descriptors(pid: int) -> int:
    """Return how many descriptors a process has."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_thousands() -> None:
    """Each attempt is shown once; nothing is kept of namespaces that are gone."""
    with (
        Child(connect_in_new_ones) as child,
        Tool("-p", child.pid, *OPTIONS) as tool,
    ):
        pid = tool.process.pid
        open_at_first, after = descriptors(pid), []
        for n in range(1, 1 + ROUNDS):
            child.run()
            events = tool.events(n * ROUND)
            assert len(events) == n * ROUND
            after.append(memory(pid))
        wait_until(lambda: descriptors(pid) <= open_at_first, "no more descriptors")
        assert after[-1] - after[0] < MOST_GROWTH
        assert tool.stop() == 0
        assert tool.said == READY
    # The kernel gives the number of one that is gone to another.
    assert len({event["netns"] for event in events}) > 1
