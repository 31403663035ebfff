"""One connection of each kind, and what two tools show of it."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.peers.peer import Running

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.peers.peer import Peer

LOCAL, LOCAL6, MAPPED = "127.0.0.1", "::1", "::ffff:127.0.0.1"
HOLE, HOLE6 = "10.9.0.2", "fd00:9::2"
EVERYWHERE = "203.0.113.1"
IPPROTO_MPTCP = 262
MSG_FASTOPEN = 0x20000000
TIMEOUT_MS = 300
FIRST_PORT = 7100
LAST_PORT = FIRST_PORT + 99
PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")

# Nothing answers behind a device that goes nowhere.
DEVICES = """\
link add hole type dummy
addr add 10.9.0.1/24 dev hole
addr add fd00:9::1/64 dev hole nodad
link set hole up
"""


class Case(NamedTuple):
    """A connection, and how to make it to a port."""

    name: str
    make: Callable[[int], None]


def attempt(
    address: str,
    *,
    listen: bool = False,
    protocol: int = 0,
    blocking: bool = True,
    timeout: bool = False,
) -> Callable[[int], None]:
    """Return what makes a connect(2) like this to a port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET

    def make(port: int) -> None:
        with contextlib.ExitStack() as stack:
            if listen:
                server = stack.enter_context(socket.socket(family, proto=protocol))
                server.bind((address, port))
                server.listen()
            client = socket.socket(family, socket.SOCK_STREAM, protocol)
            stack.enter_context(client).setblocking(blocking)
            if timeout:
                option = socket.TCP_USER_TIMEOUT
                client.setsockopt(socket.IPPROTO_TCP, option, TIMEOUT_MS)
            client.connect_ex((address, port))

    return make


def fast_open(port: int) -> None:
    """Connect with the first data."""
    with socket.socket() as server, socket.socket() as client:
        server.bind((LOCAL, port))
        server.listen()
        client.sendto(b"hello", MSG_FASTOPEN, (LOCAL, port))


def no_port_left(port: int) -> None:
    """Connect when every local port is taken for the destination."""
    before = PORT_RANGE.read_text(encoding="ascii")
    with socket.socket() as server, contextlib.ExitStack() as stack:
        server.bind((LOCAL, port))
        server.listen()
        PORT_RANGE.write_text("45000 45001", encoding="ascii")
        try:
            for _ in range(3):
                stack.enter_context(socket.socket()).connect_ex((LOCAL, port))
        finally:
            PORT_RANGE.write_text(before, encoding="ascii")


def datagram(port: int) -> None:
    """Connect, but not by TCP."""
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.connect((LOCAL, port))


CASES = (
    Case("IPv4, a listener", attempt(LOCAL, listen=True)),
    Case("IPv6, a listener", attempt(LOCAL6, listen=True)),
    Case("IPv4, refused", attempt(LOCAL)),
    Case("IPv6, refused", attempt(LOCAL6)),
    Case("IPv6 socket to ::ffff:a.b.c.d, refused", attempt(MAPPED)),
    Case("IPv4, timed out", attempt(HOLE, timeout=True)),
    Case("IPv6, timed out", attempt(HOLE6, timeout=True)),
    Case("non-blocking, a listener", attempt(LOCAL, listen=True, blocking=False)),
    Case("non-blocking, refused", attempt(LOCAL, blocking=False)),
    Case("non-blocking, closed at once", attempt(HOLE, blocking=False)),
    Case("MPTCP, a listener", attempt(LOCAL, listen=True, protocol=IPPROTO_MPTCP)),
    Case("MPTCP, refused", attempt(LOCAL, protocol=IPPROTO_MPTCP)),
    Case("TCP fast open", fast_open),
    Case("no route", attempt(EVERYWHERE)),
    Case("two connects, then no local port left", no_port_left),
    Case("UDP", datagram),
)


def compare(one: Peer, other: Peer) -> list[dict[str, Any]]:
    """Run two tools at once; return what each shows of each case, line by line."""
    subprocess.run(["ip", "-batch", "-"], input=DEVICES.encode(), check=True)
    with Running(one) as first, Running(other) as second:
        for running in (first, second):
            _until_it_shows(running)
        for number, case in enumerate(CASES):
            case.make(FIRST_PORT + number)
        for running in (first, second):
            attempt(LOCAL)(LAST_PORT)
            running.wait_for(b" %d" % LAST_PORT)
            running.read_still()
    return [
        {
            "case": case.name,
            one.name: _lines(first.output, FIRST_PORT + number),
            other.name: _lines(second.output, FIRST_PORT + number),
        }
        for number, case in enumerate(CASES)
    ]


def _until_it_shows(running: Running) -> None:
    """Return when a tool has shown an attempt: then it sees all of them."""
    mark = b" %d" % (LAST_PORT - 1)
    while mark not in running.output:
        attempt(LOCAL)(LAST_PORT - 1)
        running.read(0.1)


def _lines(output: bytes, port: int) -> list[str]:
    """Return the lines of attempts at a port, with one space between columns."""
    rows = (line.split() for line in output.decode(errors="replace").splitlines())
    return [" ".join(row) for row in rows if row and row[-1] == str(port)]
