"""The result and the latency of every kind of attempt, in whole events."""

from __future__ import annotations

import errno
import select
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.sockets import (
    CLOSED,
    GIVE_UP_MS,
    HOLE,
    HOLE6,
    NEAR,
    NEAR6,
    PORT_RANGE,
    Watch,
    begin,
    event,
    give_up_soon,
    mptcp_socket,
    port,
    until_connecting,
)
from tests.support.timers import watch_timer

if TYPE_CHECKING:
    from tests.support.network import NetNs


def test_listener_is_ok(netns: NetNs) -> None:
    """A connection that is accepted has succeeded."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Watch() as watch,
        socket.create_connection(server.getsockname()) as client,
    ):
        expected = event(netns, client.getsockname(), server.getsockname(), "OK")
        assert watch.outcomes() == [expected]


def test_listener_is_ok_ipv6(netns: NetNs) -> None:
    """The same on IPv6."""
    with (
        socket.create_server(("::1", 0), family=socket.AF_INET6) as server,
        Watch() as watch,
        socket.create_connection(server.getsockname()[:2]) as client,
    ):
        expected = event(netns, client.getsockname(), server.getsockname(), "OK")
        assert watch.outcomes() == [expected]


def test_mapped_address_is_ipv4(netns: NetNs) -> None:
    """An IPv6 socket that connects to ::ffff:a.b.c.d is shown as what it speaks."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Watch() as watch,
        socket.socket(socket.AF_INET6) as client,
    ):
        client.connect(("::ffff:127.0.0.1", port(server)))
        source = ("127.0.0.1", port(client))
        expected = event(netns, source, server.getsockname(), "OK")
        assert watch.outcomes() == [expected]


def test_mptcp_connection_is_one_event(netns: NetNs) -> None:
    """An MPTCP socket and its TCP subflow are one attempt: the subflow's."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Watch() as watch,
        mptcp_socket() as client,
    ):
        client.connect(server.getsockname())
        expected = event(netns, client.getsockname(), server.getsockname(), "OK")
        assert watch.outcomes() == [expected]


def test_sendto_fastopen_is_ok(netns: NetNs) -> None:
    """TCP Fast Open connects without connect()."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Watch() as watch,
        socket.socket() as client,
    ):
        client.sendto(b"hello", socket.MSG_FASTOPEN, server.getsockname())
        expected = event(netns, client.getsockname(), server.getsockname(), "OK")
        assert watch.outcomes() == [expected]


@pytest.mark.parametrize("bound", [0, 4000])
def test_closed_port_refuses(netns: NetNs, bound: int) -> None:
    """A reset is ECONNREFUSED; the source port is known, bound to or not."""
    with Watch() as watch, socket.socket() as client:
        if bound:
            client.bind(("127.0.0.1", bound))
        assert client.connect_ex(CLOSED) == errno.ECONNREFUSED
        source = ("127.0.0.1", bound or port(client))
        expected = event(netns, source, CLOSED, "ECONNREFUSED")
        assert watch.outcomes() == [expected]


@pytest.mark.parametrize(
    ("host", "shown"), [("::1", "::1"), ("::ffff:127.0.0.1", "127.0.0.1")]
)
def test_closed_port_refuses_ipv6(netns: NetNs, host: str, shown: str) -> None:
    """The same for IPv6 sockets, on IPv6 and on IPv4."""
    with Watch() as watch, socket.socket(socket.AF_INET6) as client:
        assert client.connect_ex((host, CLOSED[1])) == errno.ECONNREFUSED
        source, target = (shown, port(client)), (shown, CLOSED[1])
        expected = event(netns, source, target, "ECONNREFUSED")
        assert watch.outcomes() == [expected]


def test_bound_socket_is_ok(netns: NetNs) -> None:
    """A port chosen with bind() is the source port."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Watch() as watch,
        socket.socket() as client,
    ):
        client.bind(("127.0.0.1", 4000))
        client.connect(server.getsockname())
        expected = event(netns, ("127.0.0.1", 4000), server.getsockname(), "OK")
        assert watch.outcomes() == [expected]


@pytest.mark.usefixtures("far")
def test_close_aborts(netns: NetNs) -> None:
    """A program that closes its socket first has given up."""
    with Watch() as watch:
        with socket.socket() as client:
            begin(client, HOLE)
            expected = event(netns, (NEAR, port(client)), HOLE, "ABORTED")
        assert watch.outcomes() == [expected]


@pytest.mark.usefixtures("far")
def test_own_time_limit_aborts(netns: NetNs) -> None:
    """A program that waits, then closes its socket, has given up, after its limit."""
    with Watch() as watch:
        with socket.socket() as client:
            begin(client, HOLE)
            assert not select.select((), (client,), (), 0.1)[1]
            expected = event(netns, (NEAR, port(client)), HOLE, "ABORTED")
        assert watch.outcomes() == [expected]
        assert watch.latencies_ms[0] >= 100


TIMED_OUT = (errno.ETIMEDOUT, "ETIMEDOUT")


@pytest.mark.usefixtures("far")
def test_shutdown_aborts(netns: NetNs) -> None:
    """Another thread's shutdown() ends a connect() that waits, unless it is refused.

    Linux commit 4faeee0cf8a5 ("tcp: deny tcp_disconnect() when threads are waiting")
    refuses it; 419ce133ab92 ("tcp: allow again tcp_disconnect() when threads are
    waiting") does not any more, but not every stable kernel has that one, too.
    """
    with (
        Watch() as watch,
        ThreadPoolExecutor(1) as other,
        socket.socket() as client,
    ):

        def shutdown() -> bool:
            until_connecting(client)
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise
                # End the wait in another way.
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1)
                return False
            return True

        done = other.submit(shutdown)
        error = client.connect_ex(HOLE)
        ends = (errno.ECONNRESET, "ABORTED") if done.result() else TIMED_OUT
        assert error == ends[0]
        expected = event(netns, (NEAR, port(client)), HOLE, ends[1])
        assert watch.outcomes() == [expected]


@pytest.mark.usefixtures("far")
@pytest.mark.parametrize("target", [HOLE, HOLE6])
def test_user_timeout(netns: NetNs, target: tuple[str, int]) -> None:
    """The kernel gives up after TCP_USER_TIMEOUT."""
    family = socket.AF_INET6 if target == HOLE6 else socket.AF_INET

    def attempt() -> dict[str, Any]:
        with socket.socket(family) as client:
            give_up_soon(client)
            assert client.connect_ex(target) == errno.ETIMEDOUT
            source = (NEAR6 if target == HOLE6 else NEAR, port(client))
            return event(netns, source, target, "ETIMEDOUT")

    assert watch_timer(attempt).latencies_ms[0] >= GIVE_UP_MS


@pytest.mark.usefixtures("far")
def test_syn_count(netns: NetNs) -> None:
    """The kernel gives up after the number of SYNs that TCP_SYNCNT allows."""

    def attempt() -> dict[str, Any]:
        with socket.socket() as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 1)
            assert client.connect_ex(HOLE) == errno.ETIMEDOUT
            return event(netns, (NEAR, port(client)), HOLE, "ETIMEDOUT")

    watch_timer(attempt)


def test_no_route(netns: NetNs) -> None:
    """Without a route no SYN leaves: it does not get into the way of the next connect.

    Where it is a line, it is that of test_refused.py.
    """
    with Watch() as watch, socket.socket() as stuck, socket.socket() as client:
        assert stuck.connect_ex(HOLE) == errno.ENETUNREACH
        assert client.connect_ex(CLOSED) == errno.ECONNREFUSED
        expected = event(netns, ("127.0.0.1", port(client)), CLOSED, "ECONNREFUSED")
        shown = watch.outcomes()
    refused = [made for made in shown if made["result"] == "ENETUNREACH"]
    assert len(refused) <= 1
    assert shown == [*refused, expected]


def test_all_ports_taken(netns: NetNs) -> None:
    """Without a free local port no SYN leaves, and there is no source port."""
    PORT_RANGE.write_text("4000 4000")
    with (
        socket.create_server(("127.0.0.1", 5000)) as server,
        socket.create_connection(server.getsockname()),
        Watch() as watch,
        socket.socket() as client,
    ):
        assert client.connect_ex(server.getsockname()) == errno.EADDRNOTAVAIL
        expected = event(
            netns, ("127.0.0.1", None), server.getsockname(), "EADDRNOTAVAIL"
        )
        assert watch.outcomes() == [expected]
