"""-d: a name is always known before the connect that uses it."""

from __future__ import annotations

import os
import re
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.attempts import attempt
from tests.support.launch import EMULATED
from tests.support.mounts import etc
from tests.support.resolvers import LOOPBACK, Server, framed, receive
from tests.support.tool import Tool
from tests.support.waiting import TIMEOUT_S

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("netns")

MANY = 1_000 if EMULATED else 10_000  # emulated, each takes 3 ms
HEADER = b"\0\1\0\0\0\1\0\0\0\0\0\0"
RESPONSE = b"\x81\x80\0\1\0\1\0\0\0\0"
RECORD = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4"


def name(number: int) -> str:
    """Return a name that is like no other."""
    return f"n{number:05}.example"


def address(number: int, count: int) -> str:
    """Return one of so many addresses."""
    number %= count
    return f"127.1.{number // 250}.{1 + number % 250}"


def query(number: int) -> bytes:
    """Return a query for a name: what it takes least time to make."""
    return HEADER + b"\6%b\7example\0\0\1\0\1" % name(number)[:6].encode()


class Answers:
    """Answers queries in their order, each with the next address."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._number = 0

    def __call__(self, asked: bytes) -> list[bytes]:
        """Return the answer to the next query."""
        found = socket.inet_aton(address(self._number, self._count))
        self._number += 1
        return [asked[:2] + RESPONSE + asked[12:] + RECORD + found]

    def framed(self, asked: bytes) -> list[bytes]:
        """Return it as TCP carries it."""
        return [framed(self(asked)[0])]


def start(*options: object) -> Tool:
    """Trace what this process connects to port 7, with room for all of it."""
    room = ("--ring-bytes", 16 << 20)
    return Tool("-p", os.getpid(), "-P", 7, "-dj", *room, *options)


def check(tool: Tool, lookups: int, addresses: int) -> None:
    """Every event has the name that was looked up just before; none is lost."""
    events: list[dict[str, Any]] = tool.events(lookups)
    actual = [(event["daddr"], event["query"]) for event in events]
    expected = [(address(i, addresses), name(i)) for i in range(lookups)]
    tool.stop()
    if lost := lost_names(tool):
        differ = sum(a != b for a, b in zip(actual, expected, strict=True))
        assert 0 < differ <= lost
    else:
        assert actual == expected


def lost_names(tool: Tool) -> int:
    """Return how many names were counted as lost: none, where a CPU is a real one.

    An emulated one may read them too late.
    """
    found = re.search(rb"in total, (\d+) names lost", tool.stderr)
    assert EMULATED or b"lost" not in tool.stderr
    return int(found[1]) if found else 0


@pytest.mark.parametrize("addresses", [MANY, 7, 1])
def test_udp(addresses: int) -> None:
    """Each connect follows its answer at once, to another address or the same."""
    with (
        Server(Answers(addresses)),
        start("--names", "dns") as tool,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        client.settimeout(TIMEOUT_S)
        client.connect((LOOPBACK, 53))
        for i in range(MANY):
            client.send(query(i))
            client.recv(512)
            attempt(address(i, addresses), 7)
        check(tool, MANY, addresses)


def test_tcp() -> None:
    """So it is with answers over TCP."""
    with (
        Server(Answers(1).framed, tcp=True),
        start("--names", "dns") as tool,
        socket.create_connection((LOOPBACK, 53), TIMEOUT_S) as client,
    ):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(MANY):
            client.sendall(framed(query(i)))
            receive(client)
            attempt(address(0, 1), 7)
        check(tool, MANY, 1)


def test_libc(tmp_path: Path) -> None:
    """A thousand names of one address, each looked up and used at once."""
    count = 1000
    hosts = "".join(f"{address(0, 1)} {name(i)}\n" for i in range(count))
    with etc(tmp_path, hosts), start("--names", "libc") as tool:
        for i in range(count):
            socket.getaddrinfo(name(i), 7)
            attempt(address(0, 1), 7)
        check(tool, count, 1)


def test_thousand_names(tmp_path: Path) -> None:
    """A thousand names of one address, all looked up before: the last one is shown."""
    with (
        Server(Answers(1)),
        etc(tmp_path),
        start() as tool,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        client.settimeout(TIMEOUT_S)
        client.connect((LOOPBACK, 53))
        for i in range(1000):
            client.send(query(i))
            client.recv(512)
        attempt(address(0, 1), 7)
        (event,) = tool.events(1)
        tool.stop()
    assert event["query_source"] == "dns"
    assert name(999 - lost_names(tool)) <= event["query"] <= name(999)
