"""A flood of lookups that fail: memory is bounded, and what is lost is counted."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tcpconnect.enrich.failures import MAX_LOOKUPS
from tests.support.resolvers import LOOPBACK
from tests.support.tool import Tool, told
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("netns")

NAMES = MAX_LOOKUPS + 4096  # within the 5 seconds that each is held
MAX_KB = 32 << 10  # of which the lookups that are held take most
ANSWER = b"\x81\x83\0\1\0\0\0\0\0\0"  # NXDOMAIN, one question, no records


def memory_kb(pid: int) -> int:
    """Return the most memory that a process has had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def is_waiting(pid: int) -> bool:
    """Tell whether a process sleeps: it has nothing to read."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def ask(client: socket.socket, server: socket.socket, number: int) -> None:
    """Ask for a name that nobody has asked for, which there is not."""
    label = b"%08d" % number
    question = b"\x08" + label + b"\x04test\0\0\1\0\1"
    client.send(number.to_bytes(4, "big")[2:] + b"\1\0\0\1\0\0\0\0\0\0" + question)
    query, whose = server.recvfrom(512)
    server.sendto(query[:2] + ANSWER + query[12:], whose)
    client.recv(512)


def test_flood() -> None:
    """Each name is a line or counted as lost; the tool grows by little."""
    options = ("-rdj", "--names", "dns", "-p", os.getpid(), "--columns", "query,result")
    with (
        socket.socket(type=socket.SOCK_DGRAM) as server,
        socket.socket(type=socket.SOCK_DGRAM) as client,
        Tool(*options) as tool,
    ):
        server.bind((LOOPBACK, 53))
        client.connect((LOOPBACK, 53))
        before_kb = memory_kb(tool.process.pid)
        for number in range(NAMES):
            ask(client, server, number)
        wait_until(lambda: is_waiting(tool.process.pid), "an empty ring")
        grown_kb = memory_kb(tool.process.pid) - before_kb
        assert tool.stop() == 0
    queries = [event["query"] for event in tool.all_events()]
    assert len(set(queries)) == len(queries)
    assert {event["result"] for event in tool.all_events()} == {"NXDOMAIN"}
    shown = len(queries) + told(tool, "lookups not followed")
    assert shown <= NAMES <= shown + told(tool, "names lost")
    assert grown_kb < MAX_KB
