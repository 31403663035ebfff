"""Sockets that connect again after an attempt that failed."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

import pytest

from tests.support.sockets import CLOSED, PORT_RANGE, Watch, event, port

if TYPE_CHECKING:
    from tests.support.network import NetNs

REFUSED = "ECONNREFUSED"


def refused(client: socket.socket) -> int:
    """Let a socket's attempt fail; return the port that it had."""
    assert client.connect_ex(CLOSED) == errno.ECONNREFUSED
    return port(client)


def test_each_attempt_is_an_event(netns: NetNs) -> None:
    """A socket that connects again makes another attempt, from another port."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Watch() as watch,
        socket.socket() as client,
    ):
        first = event(netns, ("127.0.0.1", refused(client)), CLOSED, REFUSED)
        client.connect(server.getsockname())
        second = event(netns, client.getsockname(), server.getsockname(), "OK")
        assert first["lport"] != second["lport"]
        assert watch.outcomes(2) == [first, second]


@pytest.mark.usefixtures("netns")
def test_port_that_was_is_not_the_next() -> None:
    """With --lport, the second attempt's line has its own port, not the first's."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Watch("--lport") as watch,
        socket.socket() as client,
    ):
        refused(client)
        client.connect(server.getsockname())
        events = watch.events(2)
        assert events[1]["lport"] == port(client)


@pytest.mark.usefixtures("netns")
def test_port_that_was_is_not_known() -> None:
    """Without it, neither attempt's port is known when it begins."""
    with Watch("-4") as watch, socket.socket() as client:
        refused(client)
        refused(client)
        events = watch.events(2)
        assert [made["lport"] for made in events] == [None, None]


def test_all_ports_taken(netns: NetNs) -> None:
    """An attempt without a free local port has none, whichever the one before had."""
    with (
        socket.create_server(("127.0.0.1", 5000)) as server,
        socket.socket() as taker,
        Watch() as watch,
        socket.socket() as client,
    ):
        target = server.getsockname()
        first = event(netns, ("127.0.0.1", refused(client)), CLOSED, REFUSED)
        PORT_RANGE.write_text("4000 4000")
        taker.connect(target)
        assert client.connect_ex(target) == errno.EADDRNOTAVAIL
        taken = event(netns, ("127.0.0.1", 4000), target, "OK")
        second = event(netns, ("127.0.0.1", None), target, "EADDRNOTAVAIL")
        assert watch.outcomes(3) == [first, taken, second]


@pytest.mark.usefixtures("netns")
def test_all_ports_taken_with_lport() -> None:
    """So with --lport, whose lines come without a result."""
    with (
        socket.create_server(("127.0.0.1", 5000)) as server,
        socket.socket() as taker,
        Watch("--lport") as watch,
        socket.socket() as client,
    ):
        first = refused(client)
        PORT_RANGE.write_text("4000 4000")
        taker.connect(server.getsockname())
        assert client.connect_ex(server.getsockname()) == errno.EADDRNOTAVAIL
        assert [made["lport"] for made in watch.events(3)] == [first, 4000, None]


def test_connection_in_use(netns: NetNs) -> None:
    """Packets of an earlier attempt are not mistaken for those of the next."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket() as first,
        Watch() as watch,
        socket.socket() as second,
    ):
        source, target = ("127.0.0.1", 4000), server.getsockname()
        for client in (first, second):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            client.bind(source)
        first.connect(target)
        refused(second)
        assert second.connect_ex(target) == errno.EADDRNOTAVAIL
        assert watch.outcomes(3) == [
            event(netns, source, target, "OK"),
            event(netns, source, CLOSED, REFUSED),
            event(netns, source, target, "EADDRNOTAVAIL"),
        ]
