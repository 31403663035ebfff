"""--dns-latency: since when a process has waited for a name, and what shows it."""

from __future__ import annotations

import os
import select
import socket
import time
from typing import TYPE_CHECKING

import dns.flags
import dns.message
import dns.rcode
import pytest

from tests.support.attempts import Child, attempt
from tests.support.containers import Looker, build
from tests.support.mounts import etc
from tests.support.resolvers import (
    LOOPBACK,
    Server,
    ask,
    ask_tcp,
    padded,
    query,
    respond,
    serve,
)
from tests.support.tool import Tool
from tests.support.waiting import TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.network import NetNs

pytestmark = pytest.mark.usefixtures("netns")

IPV4, NEXT, IPV6 = "127.1.2.3", "127.1.2.4", "::1"
NAME = "www.example"
DEAD = "127.0.0.50"
MUSL_OPTIONS = "\noptions timeout:2 attempts:2"  # it divides the time by attempts
ZONE = {f"{NAME}.": [IPV4, NEXT]}
SLOW_S = 0.05
SLOW_MS = SLOW_S * 1000


def start(*options: object) -> Tool:
    """Trace what this process connects to port 7."""
    return Tool("-p", os.getpid(), "-P", 7, "-j", "--dns-latency", *options)


def pass_time() -> None:
    """Let SLOW_S pass."""
    select.select((), (), (), SLOW_S)


def waits(tool: Tool, *addresses: str) -> list[float | None]:
    """Connect to each; return how long the name was waited for."""
    seen = len(tool.all_events())
    for address in addresses:
        attempt(address, 7)
    return [event["dns_ms"] for event in tool.events(seen + len(addresses))[seen:]]


def ask_timed(server: str = LOOPBACK) -> float:
    """Ask for NAME; return in how many milliseconds the answer came."""
    began = time.monotonic()
    ask(server, query(NAME))
    return (time.monotonic() - began) * 1000


@pytest.fixture
def dead(netns: NetNs) -> Iterator[None]:  # noqa: ARG001 (it is made there)
    """A nameserver that gets questions, and says nothing."""
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind((DEAD, 53))
        yield


def give_up(server: str, name: str = NAME, kind: str = "A") -> None:
    """Ask a server that does not answer, for SLOW_S."""
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.connect((server, 53))
        client.send(query(name, kind))
        assert not select.select((client,), (), (), SLOW_S)[0]


@pytest.mark.usefixtures("dead")
def test_dead_server() -> None:
    """The question that is answered may have a new socket, and a new ID."""
    with serve(ZONE), start("--names", "dns") as tool:
        give_up(DEAD)
        ask(LOOPBACK, query(NAME))
        (waited,) = waits(tool, IPV4)
    assert waited is not None
    assert waited >= SLOW_MS


LIBRARIES = [("glibc", "dns"), ("glibc", "libc"), ("musl", "dns"), ("musl", "libc")]


@pytest.mark.usefixtures("dead")
@pytest.mark.parametrize(("kind", "source"), [*LIBRARIES, ("static", "dns")])
def test_silence_first(tmp_path: Path, kind: str, source: str) -> None:
    """C libraries ask again after a second: glibc the next server, musl the same."""
    questions = 0

    def answer(wire: bytes) -> list[bytes]:
        nonlocal questions
        questions += 1
        return [respond(ZONE, wire)] if kind == "glibc" or questions > 1 else []

    servers = f"{DEAD}\nnameserver {LOOPBACK}\noptions timeout:1 attempts:2"
    program = build(tmp_path, kind)
    with (
        etc(tmp_path, server=servers if kind == "glibc" else LOOPBACK + MUSL_OPTIONS),
        Server(answer),
        Looker(program, NAME) as looker,
        Tool(
            *("-p", looker.pid, "-P", 7, "-j"), "--dns-latency", "--names", source
        ) as tool,
    ):
        looker.run()
        (event,) = tool.events(1)
    assert (event["query"], event["query_source"]) == (NAME, source)
    assert 950 < event["dns_ms"] < TIMEOUT_S * 1000


@pytest.mark.parametrize("source", ["dns", "libc"])
def test_first_connection_to_each_address(tmp_path: Path, source: str) -> None:
    """Each address shows the wait once; connections that come later waited not."""
    with etc(tmp_path), serve(ZONE), start("--names", source) as tool:
        assert socket.getaddrinfo(NAME, 7, socket.AF_INET)
        told = waits(tool, IPV4, NEXT, IPV4, NEXT)
    assert [waited is not None for waited in told] == [True, True, False, False]


def test_next_lookup() -> None:
    """After an answer the next question begins a wait of its own."""
    with serve(ZONE), start("--names", "dns") as tool:
        for _ in range(2):
            most = ask_timed()
            pass_time()
            (waited,) = waits(tool, IPV4)
            assert waited is not None
            assert waited <= most


def test_another_process() -> None:
    """What another process waited for is not this one's, nor the other way around."""
    with (
        serve(ZONE),
        Child(lambda: attempt(IPV4, 7)) as stranger,
        Tool(
            *("-p", f"{os.getpid()},{stranger.pid}", "-P", 7, "-j"),
            *("--dns-latency", "--names", "dns"),
        ) as tool,
    ):
        ask(LOOPBACK, query(NAME))
        stranger.run()
        attempt(IPV4, 7)
        events = tool.events(2)
    assert [event["query"] for event in events] == [NAME] * 2
    assert [event["dns_ms"] is None for event in events] == [True, False]


@pytest.mark.usefixtures("dead")
def test_another_process_that_waits() -> None:
    """Each process begins to wait when it asks."""
    with (
        serve(ZONE),
        Child(lambda: give_up(DEAD)) as other,
        start("--names", "dns") as tool,
    ):
        other.run()
        most = ask_timed()
        (waited,) = waits(tool, IPV4)
    assert waited is not None
    assert waited <= most


@pytest.mark.usefixtures("dead")
def test_another_name() -> None:
    """Each name, such as those of a search list, has its own wait."""
    with serve(ZONE), start("--names", "dns") as tool:
        give_up(DEAD, f"{NAME}.corp.example")
        most = ask_timed()
        (waited,) = waits(tool, IPV4)
    assert waited is not None
    assert waited <= most


def test_second_kind() -> None:
    """AAAA that is asked for after A is of the same lookup: both waits begin with A."""
    zone = {f"{NAME}.": [IPV4, IPV6]}

    def slowly(wire: bytes) -> Iterator[bytes]:
        pass_time()
        yield respond(zone, wire)

    with Server(slowly), start("--names", "dns") as tool:
        ask(LOOPBACK, query(NAME))
        ask(LOOPBACK, query(NAME, "AAAA"))
        first, second = waits(tool, IPV4, IPV6)
    assert first is not None
    assert second is not None
    assert first >= SLOW_MS
    assert second >= first + SLOW_MS


def failing(wire: bytes) -> bytes:
    """Return a server's failure."""
    response = dns.message.make_response(dns.message.from_wire(wire))
    response.set_rcode(dns.rcode.SERVFAIL)
    return response.to_wire()


def truncated(wire: bytes) -> bytes:
    """Return an answer that does not fit."""
    response = dns.message.make_response(dns.message.from_wire(wire))
    response.flags |= dns.flags.TC
    return response.to_wire()


NO_ANSWERS: dict[str, Callable[[bytes], bytes]] = {
    "failure": failing,
    "truncated": truncated,
}


@pytest.mark.parametrize("tcp", [False, True], ids=["UDP", "TCP"])
@pytest.mark.parametrize("no_answer", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_no_answer_yet(no_answer: Callable[[bytes], bytes], *, tcp: bool) -> None:
    """A failure, or an answer that is cut, does not end the wait."""
    with (
        Server(lambda wire: [no_answer(wire)], DEAD),
        serve(ZONE, tcp=tcp),
        start("--names", "dns") as tool,
    ):
        ask(DEAD, query(NAME))
        pass_time()
        (ask_tcp if tcp else ask)(LOOPBACK, query(NAME))
        (waited,) = waits(tool, IPV4)
    assert waited is not None
    assert waited >= SLOW_MS


def test_no_such_name() -> None:
    """NXDOMAIN is an answer: the next question is another wait."""

    def nothing(wire: bytes) -> list[bytes]:
        response = dns.message.make_response(dns.message.from_wire(wire))
        response.set_rcode(dns.rcode.NXDOMAIN)
        return [response.to_wire()]

    with Server(nothing, DEAD), serve(ZONE), start("--names", "dns") as tool:
        ask(DEAD, query(NAME))
        pass_time()
        most = ask_timed()
        (waited,) = waits(tool, IPV4)
    assert waited is not None
    assert waited <= most


def test_unasked_answer_ends_no_wait() -> None:
    """An answer that does not count does not end the wait."""
    asked = query(NAME)
    forged = padded(bytes([asked[0] ^ 1]) + asked[1:], 100, NEXT)
    with (
        socket.socket(type=socket.SOCK_DGRAM) as server,
        socket.socket(type=socket.SOCK_DGRAM) as client,
        start("--names", "dns") as tool,
    ):
        server.bind((LOOPBACK, 53))
        client.connect((LOOPBACK, 53))
        client.send(asked)
        server.sendto(forged, client.getsockname())
        assert client.recv(100)
        pass_time()
        client.send(asked)
        server.sendto(padded(asked, 100, IPV4), client.getsockname())
        assert client.recv(100)
        (waited,) = waits(tool, IPV4)
    assert waited is not None
    assert waited >= SLOW_MS
