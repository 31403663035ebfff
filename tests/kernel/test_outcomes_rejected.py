"""Attempts that a firewall rejects while connect() still has the socket locked.

The kernel does not believe an ICMP error then: it keeps it for SO_ERROR.
"""

from __future__ import annotations

import asyncio
import errno
import os
import select
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect import trace
from tests.support.network import inside
from tests.support.sockets import HOLE, NEAR, Watch, begin, disconnect, event, port
from tests.support.timers import watch_timer
from tests.support.tool import Tool
from tests.support.waiting import TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.network import NetNs

PORT = 1001
REJECTED = ("127.0.0.1", PORT)
FAR = "10.1.0.2"

# nft(8)'s words, and icmp_err_convert of net/ipv4/icmp.c.
ICMP = {
    "net-unreachable": "ENETUNREACH",
    "host-unreachable": "EHOSTUNREACH",
    "prot-unreachable": "ENOPROTOOPT",
    "port-unreachable": "ECONNREFUSED",
    "net-prohibited": "ENETUNREACH",
    "host-prohibited": "EHOSTUNREACH",
    "admin-prohibited": "EHOSTUNREACH",
}


def reject(hook: str, kind: str, family: str = "ip") -> None:
    """Reject TCP to PORT in this namespace, with an ICMP error of this type."""
    icmp = "icmpv6" if family == "ip6" else "icmp"
    rules = f"""\
    table {family} firewall {{
        chain rejects {{
            type filter hook {hook} priority 0;
            tcp dport {PORT} reject with {icmp} type {kind}
        }}
    }}
    """
    subprocess.run(["nft", "-f", "-"], check=True, input=rules.encode())


def error_of(client: socket.socket) -> int:
    """Wait until the attempt is decided, and ask how, as programs do."""
    poll = select.poll()
    poll.register(client, select.POLLOUT)
    assert poll.poll(TIMEOUT_S * 1000)
    return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def rejected(target: tuple[str, int] = REJECTED) -> int:
    """Connect without blocking, ask for the error, close; return the error."""
    with socket.socket() as client:
        begin(client, target)
        return error_of(client)


@pytest.mark.parametrize(("kind", "name"), ICMP.items())
def test_by_our_own_firewall(netns: NetNs, kind: str, name: str) -> None:
    """A non-blocking client gets the error, and it is the result."""
    reject("output", kind)
    with Watch() as watch, socket.socket() as client:
        begin(client, REJECTED)
        expected = event(netns, ("127.0.0.1", port(client)), REJECTED, name)
        assert errno.errorcode[error_of(client)] == name
        client.close()
        assert watch.outcomes() == [expected]


@pytest.mark.parametrize(("kind", "name"), ICMP.items())
def test_by_the_other_end(netns: NetNs, far: NetNs, kind: str, name: str) -> None:
    """The other end of a veth answers before connect() has returned."""
    target = (FAR, PORT)
    with inside(far):
        reject("input", kind)
    with Watch() as watch, socket.socket() as client:
        begin(client, target)
        expected = event(netns, (NEAR, port(client)), target, name)
        assert errno.errorcode[error_of(client)] == name
        client.close()
        assert watch.outcomes() == [expected]


def test_a_client_that_blocks(netns: NetNs) -> None:
    """It is reported at the first retransmission, when the socket is not locked."""
    reject("output", "port-unreachable")

    def attempt() -> dict[str, Any]:
        with socket.socket() as client:
            assert client.connect_ex(REJECTED) == errno.ECONNREFUSED
            source = ("127.0.0.1", port(client))
            return event(netns, source, REJECTED, "ECONNREFUSED")

    watch_timer(attempt)


def test_a_client_that_does_not_ask(netns: NetNs) -> None:
    """Who closes the socket without asking has given up: no program got the error."""
    reject("output", "port-unreachable")
    with Watch() as watch, socket.socket() as client:
        begin(client, REJECTED)
        expected = event(netns, ("127.0.0.1", port(client)), REJECTED, "ABORTED")
        client.close()
        assert watch.outcomes() == [expected]


def test_a_reset_has_no_queue(netns: NetNs) -> None:
    """What TCP itself answers is the result as before."""
    reject("output", "port-unreachable")
    target = ("127.0.0.1", PORT + 1)
    with Watch() as watch, socket.socket() as client:
        begin_or_refused(client, target)
        expected = event(netns, ("127.0.0.1", port(client)), target, "ECONNREFUSED")
        client.close()
        assert watch.outcomes() == [expected]


def begin_or_refused(client: socket.socket, target: tuple[str, int]) -> None:
    """Connect without blocking; on loopback the refusal may be there at once."""
    client.settimeout(0)
    assert client.connect_ex(target) in {errno.EINPROGRESS, errno.ECONNREFUSED}


def test_a_socket_that_connects_again(netns: NetNs, far: NetNs) -> None:
    """The error of an attempt is not that of the socket's next one."""
    del far
    reject("output", "host-unreachable")
    with Watch() as watch, socket.socket() as client:
        begin(client, REJECTED)
        assert error_of(client) == errno.EHOSTUNREACH
        disconnect(client)
        begin(client, HOLE)
        expected = event(netns, (NEAR, port(client)), HOLE, "ABORTED")
        client.close()
        assert watch.outcomes(2)[1] == expected


def test_ipv6(netns: NetNs) -> None:
    """IPv6 does not wake the client: it gets the error of the second SYN."""
    reject("output", "port-unreachable", "ip6")
    target = ("::1", PORT)

    def attempt() -> dict[str, Any]:
        with socket.socket(socket.AF_INET6) as client:
            begin(client, target)
            expected = event(netns, ("::1", port(client)), target, "ECONNREFUSED")
            assert error_of(client) == errno.ECONNREFUSED
            return expected

    watch_timer(attempt)


def curl() -> None:
    """Connect as curl does."""
    subprocess.run(["curl", "-s", f"http://127.0.0.1:{PORT}/"], check=False)


def aio() -> None:
    """Connect as asyncio does."""
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(asyncio.open_connection(*REJECTED))


@pytest.mark.parametrize("work", [curl, aio], ids=["curl", "asyncio"])
@pytest.mark.usefixtures("netns")
def test_real_clients(work: Callable[[], None]) -> None:
    """Those that do not block: the result is what they got."""
    reject("output", "port-unreachable")
    with trace(pids=[os.getpid()], follow=True, result=True, ports=[PORT]) as events:
        work()
        events.stop()
        assert [event.result for event in events] == ["ECONNREFUSED"]


@pytest.mark.usefixtures("netns")
def test_counts() -> None:
    """With -c it has failed, and its latency is in the histogram."""
    reject("output", "port-unreachable")
    with Tool("-cr", "--histogram", "-p", os.getpid()) as tool:
        assert rejected() == errno.ECONNREFUSED
        assert tool.stop() == 0
        header, row, *histogram = tool.stdout.decode().splitlines()
    counted = dict(zip(header.split(), row.split(), strict=True))
    counted = {name: counted[name] for name in ("RPORT", "CONNECTS", "OK", "FAILED")}
    assert counted == {"RPORT": str(PORT), "CONNECTS": "1", "OK": "0", "FAILED": "1"}
    assert sum(int(line.split()[4]) for line in histogram if "->" in line) == 1


@pytest.mark.usefixtures("netns")
def test_only_failed() -> None:
    """--failed shows it with its errno."""
    reject("output", "port-unreachable")
    with Watch("--failed") as watch:
        assert rejected() == errno.ECONNREFUSED
        assert [made["result"] for made in watch.outcomes()] == ["ECONNREFUSED"]
