"""Results of attempts that go unusual ways, in whole events."""

from __future__ import annotations

import errno
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from struct import pack
from typing import TYPE_CHECKING

import pytest

from tests.support.peer import ACK, SYN, Peer
from tests.support.sockets import (
    CLOSED,
    HOLE,
    NEAR,
    PORT_RANGE,
    Watch,
    begin,
    disconnect,
    event,
    is_connecting,
    port,
    until_connecting,
)
from tests.support.uring import Uring

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.network import NetNs

TCP_FASTOPEN_CONNECT = 30
TCP_REPAIR, TCP_REPAIR_OFF_NO_WP = 19, -1
# Client and server, both without a cookie (Documentation/networking/ip-sysctl.rst).
FASTOPEN_FREELY = 0x1 | 0x2 | 0x4 | 0x200


class InterruptedByTestError(Exception):
    """Raised by a signal's handler, out of a connect."""


@contextmanager
def handled(number: int) -> Iterator[None]:
    """Run the body with a handler that raises InterruptedByTestError."""

    def handler(*_: object) -> None:
        raise InterruptedByTestError

    old = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, old)


@pytest.mark.usefixtures("far")
def test_disconnect_aborts(netns: NetNs) -> None:
    """connect(AF_UNSPEC) ends the attempt, and the socket can begin another."""
    with Watch() as watch, socket.socket() as client:
        begin(client, HOLE)
        aborted = event(netns, (NEAR, port(client)), HOLE, "ABORTED")
        disconnect(client)
        client.settimeout(None)
        assert client.connect_ex(CLOSED) == errno.ECONNREFUSED
        refused = event(netns, ("127.0.0.1", port(client)), CLOSED, "ECONNREFUSED")
        assert watch.outcomes(2) == [aborted, refused]


@pytest.mark.usefixtures("far")
def test_connect_called_again_is_the_same_attempt(netns: NetNs) -> None:
    """A program that asks again whether it is connected makes no second attempt."""
    with Watch() as watch:
        with socket.socket() as client:
            begin(client, HOLE)
            assert client.connect_ex(HOLE) == errno.EALREADY
            expected = event(netns, (NEAR, port(client)), HOLE, "ABORTED")
        assert watch.outcomes() == [expected]


def test_connect_called_when_connected(netns: NetNs) -> None:
    """Nor does one that asks when it is."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Watch() as watch,
        socket.socket() as client,
    ):
        begin(client, server.getsockname())
        assert client.connect_ex(server.getsockname()) == 0
        assert client.connect_ex(server.getsockname()) == errno.EISCONN
        expected = event(netns, client.getsockname(), server.getsockname(), "OK")
        assert watch.outcomes() == [expected]


def limit_waiting(client: socket.socket) -> None:
    """Let calls wait for 50 ms."""
    timeval = pack("ll", 0, 50_000)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval)


@pytest.mark.usefixtures("far")
def test_send_timeout_ends_no_attempt(netns: NetNs) -> None:
    """SO_SNDTIMEO makes connect() return; the attempt continues until close()."""
    with Watch() as watch:
        with socket.socket() as client:
            limit_waiting(client)
            assert client.connect_ex(HOLE) == errno.EINPROGRESS
            assert client.connect_ex(HOLE) == errno.EALREADY
            expected = event(netns, (NEAR, port(client)), HOLE, "ABORTED")
            assert is_connecting(client)
        assert watch.outcomes() == [expected]
        assert watch.latencies_ms[0] >= 100


def test_send_timeout_of_attempt_that_succeeds(netns: NetNs, far: NetNs) -> None:
    """What comes after the caller has given up waiting counts for the same attempt."""
    with Peer(far) as mirror, Watch() as watch, socket.socket() as client:
        client.bind((NEAR, HOLE[1]))
        limit_waiting(client)
        assert client.connect_ex(HOLE) == errno.EINPROGRESS
        mirror.mirror(mirror.packet(SYN))
        mirror.mirror(mirror.packet(SYN | ACK))
        mirror.mirror(mirror.packet(ACK))
        assert watch.outcomes() == [event(netns, (NEAR, HOLE[1]), HOLE, "OK")]
        assert watch.latencies_ms[0] >= 50


@pytest.mark.usefixtures("far")
def test_signal_ends_no_attempt(netns: NetNs) -> None:
    """A signal makes connect() return; the attempt continues until close()."""

    def interrupt(client: socket.socket) -> None:
        until_connecting(client)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    with Watch() as watch, ThreadPoolExecutor(1) as other:
        with socket.socket() as client, handled(signal.SIGUSR1):
            other.submit(interrupt, client)
            with pytest.raises(InterruptedByTestError):
                client.connect(HOLE)
            assert is_connecting(client)
            expected = event(netns, (NEAR, port(client)), HOLE, "ABORTED")
        assert watch.outcomes() == [expected]


def test_fastopen_connect_waits_for_the_first_write(netns: NetNs) -> None:
    """With TCP_FASTOPEN_CONNECT the SYN leaves at the first write, not before.

    Meanwhile another attempt ends, and is shown first.
    """
    netns.sysctl(f"net.ipv4.tcp_fastopen={FASTOPEN_FREELY}")
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Watch() as watch,
        socket.socket() as client,
        socket.socket() as other,
    ):
        client.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
        client.connect(server.getsockname())
        connected = time.monotonic()
        assert other.connect_ex(CLOSED) == errno.ECONNREFUSED
        watch.events(1)
        waited = time.monotonic() - connected
        client.send(b"hello")
        expected = [
            event(netns, ("127.0.0.1", port(other)), CLOSED, "ECONNREFUSED"),
            event(netns, client.getsockname(), server.getsockname(), "OK"),
        ]
        assert watch.outcomes(2) == expected
        assert watch.latencies_ms[1] >= waited * 1000


@pytest.mark.parametrize("bound", [0, 4000])
def test_fastopen_connect_closed_before_a_write(netns: NetNs, bound: int) -> None:
    """Such a socket, closed before a write, was given up, bound to a port or not."""
    netns.sysctl(f"net.ipv4.tcp_fastopen={FASTOPEN_FREELY}")
    with Watch() as watch:
        with socket.socket() as client:
            if bound:
                client.bind(("127.0.0.1", bound))
            client.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
            client.connect(CLOSED)
            assert is_connecting(client)
            expected = event(netns, client.getsockname(), CLOSED, "ABORTED")
        assert watch.outcomes() == [expected]


def test_io_uring_is_ok(netns: NetNs) -> None:
    """io_uring's connect is one attempt, of the thread that submitted it."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Watch() as watch,
        socket.socket() as client,
        Uring() as uring,
    ):
        assert uring.connect(client, *server.getsockname()) == 0
        expected = event(netns, client.getsockname(), server.getsockname(), "OK")
        assert watch.outcomes() == [expected]


def test_io_uring_is_refused(netns: NetNs) -> None:
    """So is one that fails."""
    with Watch() as watch, socket.socket() as client, Uring() as uring:
        assert uring.connect(client, *CLOSED) == -errno.ECONNREFUSED
        expected = event(netns, ("127.0.0.1", port(client)), CLOSED, "ECONNREFUSED")
        assert watch.outcomes() == [expected]


def test_connection_in_use(netns: NetNs) -> None:
    """A bound socket finds its addresses and ports in use: no SYN leaves."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket() as first,
        Watch() as watch,
        socket.socket() as second,
    ):
        for client in (first, second):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            client.bind(("127.0.0.1", 4000))
        first.connect(server.getsockname())
        assert second.connect_ex(server.getsockname()) == errno.EADDRNOTAVAIL
        source, target = ("127.0.0.1", 4000), server.getsockname()
        expected = [
            event(netns, source, target, "OK"),
            event(netns, source, target, "EADDRNOTAVAIL"),
        ]
        assert watch.outcomes(2) == expected


@pytest.mark.usefixtures("far")
def test_source_port_without_a_route(netns: NetNs) -> None:
    """A port is found, but no route for it: the socket does not hold why."""
    PORT_RANGE.write_text("4000 4000")
    netns.ip("rule add ipproto tcp sport 4000 prohibit")
    with Watch() as watch, socket.socket() as client:
        assert client.connect_ex(HOLE) == errno.EACCES
        expected = event(netns, (NEAR, None), HOLE, "EADDRNOTAVAIL")
        assert watch.outcomes() == [expected]


@pytest.mark.parametrize("linger", [0, 1])
def test_established_connection_never_fails(netns: NetNs, linger: int) -> None:
    """A peer that resets or closes, and a listener that closes, are no attempts."""
    with Watch() as watch, socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as client:
            expected = event(netns, client.getsockname(), server.getsockname(), "OK")
            accepted, _ = server.accept()
            with accepted:
                option = pack("ii", 1, linger)  # 0 s: close() resets
                accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
            if linger:
                assert client.recv(1) == b""
            else:
                with pytest.raises(ConnectionResetError):
                    client.recv(1)
        server.close()
        assert watch.outcomes() == [expected]


def test_repair_is_no_attempt(netns: NetNs) -> None:
    """CRIU restores a connection by a connect() in repair mode, which sends nothing."""
    target = ("127.0.0.1", 4711)
    with Watch() as watch, socket.socket() as restored, socket.socket() as client:
        restored.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        restored.bind(("127.0.0.1", 4000))
        restored.connect(target)
        assert restored.getpeername() == target
        restored.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_OFF_NO_WP)
        assert client.connect_ex(CLOSED) == errno.ECONNREFUSED
        source = ("127.0.0.1", port(client))
        assert watch.outcomes() == [event(netns, source, CLOSED, "ECONNREFUSED")]
