"""--dns-latency: how long programs waited for names."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.attempts import attempt, comm
from tests.support.mounts import etc
from tests.support.resolvers import (
    LOOPBACK,
    Server,
    ask,
    ask_tcp,
    family_of,
    framed,
    look_up,
    padded,
    query,
    receive,
    respond,
)
from tests.support.tool import Tool
from tests.support.waiting import TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.network import NetNs

pytestmark = pytest.mark.usefixtures("netns")

IPV4, NEXT = "127.1.2.3", "127.1.2.4"
SLOW_S = 0.05
SLOW_MS = SLOW_S * 1000
ZONE = {"www.example.": [IPV4]}
NOTHING = b"\1"  # an option of an IPv4 header


def start(*options: object) -> Tool:
    """Trace what this process connects to port 7."""
    return Tool("-p", os.getpid(), "-P", 7, "--dns-latency", *options)


def pass_time() -> None:
    """Let SLOW_S pass."""
    select.select((), (), (), SLOW_S)


def slowly(wire: bytes) -> Iterator[bytes]:
    """Answer after SLOW_S."""
    pass_time()
    yield respond(ZONE, wire)


def slowly_framed(wire: bytes) -> Iterator[bytes]:
    """Answer after SLOW_S over TCP."""
    return map(framed, slowly(wire))


def event_of(tool: Tool, address: str = IPV4) -> dict[str, Any]:
    """Connect; return the event."""
    seen = len(tool.all_events())
    attempt(address, 7)
    return tool.events(seen + 1)[-1]


def test_udp() -> None:
    """Over UDP it is the time from the query to the answer."""
    with Server(slowly), start("-j", "--names", "dns") as tool:
        began = time.monotonic()
        ask(LOOPBACK, query("www.example"))
        waited_ms = (time.monotonic() - began) * 1000
        event = event_of(tool)
    assert (event["query"], event["query_source"]) == ("www.example", "dns")
    assert SLOW_MS <= event["dns_ms"] <= waited_ms


def test_tcp() -> None:
    """Over TCP, too: the time of connecting to the resolver is not in it."""
    with Server(slowly_framed, tcp=True), start("-j", "--names", "dns") as tool:
        began = time.monotonic()
        ask_tcp(LOOPBACK, query("www.example"))
        waited_ms = (time.monotonic() - began) * 1000
        event = event_of(tool)
    assert (event["query"], event["query_source"]) == ("www.example", "dns")
    assert SLOW_MS <= event["dns_ms"] <= waited_ms


def test_libc(tmp_path: Path) -> None:
    """For getaddrinfo it is the time of the call."""
    with etc(tmp_path), Server(slowly), start("-j", "--names", "libc") as tool:
        began = time.monotonic()
        socket.getaddrinfo("www.example", 7, socket.AF_INET)
        waited_ms = (time.monotonic() - began) * 1000
        event = event_of(tool)
    assert (event["query"], event["query_source"]) == ("www.example", "libc")
    assert SLOW_MS <= event["dns_ms"] <= waited_ms


def test_both_sources(tmp_path: Path) -> None:
    """Of a lookup that asked DNS, the call counts: the program waited for that."""
    with etc(tmp_path), Server(slowly), start("-j") as tool:
        socket.getaddrinfo("www.example", 7, socket.AF_INET)
        event = event_of(tool)
    assert (event["query"], event["query_source"]) == ("www.example", "libc")
    assert event["dns_ms"] >= SLOW_MS


def test_hosts_file(tmp_path: Path) -> None:
    """A name from the hosts file takes no time to speak of."""
    with etc(tmp_path, f"{IPV4} www.example\n"), start("-j") as tool:
        began = time.monotonic()
        socket.getaddrinfo("www.example", 7)
        waited_ms = (time.monotonic() - began) * 1000
        event = event_of(tool)
    assert 0 < event["dns_ms"] <= waited_ms


def test_query_sent_again() -> None:
    """A query that is sent again was asked when it was sent first."""
    asked = query("www.example")
    answers = iter([[], [padded(asked, 100, IPV4)]])
    with (
        Server(lambda _: next(answers)),
        start("-j", "--names", "dns") as tool,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        client.connect((LOOPBACK, 53))
        client.send(asked)
        pass_time()
        client.send(asked)
        assert client.recv(4096)
        event = event_of(tool)
    assert event["query"] == "www.example"
    assert event["dns_ms"] >= SLOW_MS


@pytest.mark.parametrize("options", [b"", NOTHING * 40], ids=["plain", "options"])
@pytest.mark.parametrize("size", [100, 4000])
@pytest.mark.parametrize("server", [LOOPBACK, "::1"])
def test_sockets_that_are_not_connected(
    netns: NetNs, server: str, size: int, options: bytes
) -> None:
    """Who asks has the port in its packets only, and so has who answers."""
    netns.ip("link set lo mtu 1500")  # the larger one comes in fragments
    asked = query("www.example")
    family = family_of(server)
    with (
        start("-j", "--names", "dns") as tool,
        socket.socket(family, socket.SOCK_DGRAM) as answering,
        socket.socket(family, socket.SOCK_DGRAM) as client,
    ):
        answering.bind((server, 53))
        if family == socket.AF_INET:
            answering.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, options)
            client.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, options)
        client.sendto(asked, (server, 53))
        _, who = answering.recvfrom(4096)
        pass_time()
        answering.sendto(padded(asked, size, IPV4), who)
        assert len(client.recv(4096)) == size
        event = event_of(tool)
    assert event["query"] == "www.example"
    assert event["dns_ms"] >= SLOW_MS


def test_two_queries_under_way() -> None:
    """Each answer is measured from its own query."""
    first, second = query("first.example"), query("second.example")
    late = [padded(second, 100, NEXT), padded(first, 100, IPV4)]
    answers = iter([[], late])
    with (
        Server(lambda _: next(answers)),
        start("-j", "--names", "dns") as tool,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        client.connect((LOOPBACK, 53))
        began = time.monotonic()
        client.send(first)
        pass_time()
        asked = time.monotonic()
        client.send(second)
        assert client.recv(4096)
        assert client.recv(4096)
        now = time.monotonic()
        events = [event_of(tool, address) for address in (IPV4, NEXT)]
    assert [event["query"] for event in events] == ["first.example", "second.example"]
    waited = [event["dns_ms"] for event in events]
    assert SLOW_MS <= waited[0] <= (now - began) * 1000
    assert 0 < waited[1] <= (now - asked) * 1000


def test_connection_used_again() -> None:
    """Over TCP, each answer of a connection is measured from its own query."""
    answers = iter([IPV4, NEXT])

    def answer(wire: bytes) -> Iterator[bytes]:
        pass_time()
        yield framed(padded(wire, 100, next(answers)))

    waited = []
    with (
        Server(answer, tcp=True),
        start("-j", "--names", "dns") as tool,
        socket.create_connection((LOOPBACK, 53), TIMEOUT_S) as client,
    ):
        for _ in range(2):
            began = time.monotonic()
            client.sendall(framed(query("www.example")))
            receive(client)
            waited.append((time.monotonic() - began) * 1000)
        events = [event_of(tool, address) for address in (IPV4, NEXT)]
    for event, waited_ms in zip(events, waited, strict=True):
        assert SLOW_MS <= event["dns_ms"] <= waited_ms


NAT = """
table ip nat {
	chain output {
		type nat hook output priority -100
		ip daddr 127.0.0.11 udp dport 53 dnat to 127.0.0.12:5353
		ip daddr 127.0.0.11 tcp dport 53 dnat to 127.0.0.12:5353
	}
}
"""


@pytest.mark.parametrize("tcp", [False, True], ids=["UDP", "TCP"])
def test_resolver_behind_nat(*, tcp: bool) -> None:
    """Docker's resolver listens on another port, to which 127.0.0.11 is translated."""
    if subprocess.run(["nft", "-f", "-"], input=NAT, text=True, check=False).returncode:
        pytest.skip("this kernel has no NAT")
    answer = slowly_framed if tcp else slowly
    with (
        Server(answer, "127.0.0.12", tcp=tcp, port=5353),
        start("-j", "--names", "dns") as tool,
    ):
        assert look_up("www.example", server="127.0.0.11", tcp=tcp) == {IPV4}
        event = event_of(tool)
    assert event["query"] == "www.example"
    assert event["dns_ms"] >= SLOW_MS


def test_table() -> None:
    """DNS(ms) stands beside LAT(ms); it is unknown where there was no query."""
    with Server(slowly), start("--names", "dns") as tool:
        ask(LOOPBACK, query("www.example"))
        attempt(IPV4, 7)
        attempt(NEXT, 7)
        header, named, unnamed = tool.lines(3)
    assert header == (
        "PID    COMM         IP SADDR            DADDR            DPORT "
        "DNS(ms)   LAT(ms)   RESULT       QUERY"
    )
    me = f"{os.getpid():<6} {comm():<12.12} 4  127.0.0.1       "
    columns = named.removeprefix(f"{me} 127.1.2.3        7     ").split()
    assert float(columns[0]) >= SLOW_MS
    assert columns[2:] == ["ECONNREFUSED", "www.example"]
    columns = unnamed.removeprefix(f"{me} 127.1.2.4        7     ").split()
    assert columns[0] == "-"
    assert columns[2:] == ["ECONNREFUSED", "No", "DNS", "Query"]


def test_not_asked_for() -> None:
    """Without the option queries are not watched: from DNS no wait is known."""
    with Server(slowly), Tool("-p", os.getpid(), "-P", 7, "-dj") as tool:
        ask(LOOPBACK, query("www.example"))
        event = event_of(tool)
    assert event["query"] == "www.example"
    assert "dns_ms" not in event
