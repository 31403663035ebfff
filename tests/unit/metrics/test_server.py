"""The server of metrics: it is bounded, whatever others send."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack, closing, contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from tcpconnect.metrics.server import MOST_BYTES, MOST_OPEN, Server
from tests.support.scraping import get

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE = b"x" * (1 << 25)  # more than sockets take


class Clock:
    """Time that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return it."""
        return self.now


@contextmanager
def serving(
    page: Callable[[], bytes] = lambda: PAGE, clock: Callable[[], float] | None = None
) -> Iterator[int]:
    """Serve a page; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        os.set_blocking(listener.fileno(), False)
        server = Server(listener, page, b"text/x", *([clock] if clock else ()))
        thread = Thread(target=server.run)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.stop()
            thread.join()
            server.close()


def connected(port: int) -> socket.socket:
    """Return a connection to the server."""
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def answer(port: int, request: bytes) -> bytes:
    """Return all that comes for a request."""
    with connected(port) as client:
        client.sendall(request)
        return b"".join(iter(lambda: client.recv(1 << 16), b""))


def test_the_page() -> None:
    """It is made at most once a second, and whole."""
    made: list[int] = []
    clock = Clock()

    def page() -> bytes:
        made.append(1)
        return b"%d\n" % len(made)

    with serving(page, clock) as port:
        assert get(port, "/metrics") == (200, "1\n")
        assert get(port, "/metrics?again") == (200, "1\n")
        clock.now = 1
        assert get(port, "/metrics") == (200, "2\n")
    with serving() as port:
        assert get(port, "/metrics") == (200, PAGE.decode())


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"200 OK"),
        (b"GET /metrics HTTP/1.0\n\n", b"200 OK"),
        (b"GET / HTTP/1.1\r\n\r\n", b"404 Not Found"),
        (b"GET /metrics/../etc/passwd HTTP/1.1\r\n\r\n", b"404 Not Found"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"405 Method Not Allowed"),
        (b"HEAD /metrics HTTP/1.1\r\n\r\n", b"405 Method Not Allowed"),
        (b"GET /metrics\r\n\r\n", b"400 Bad Request"),
        (b"\r\n\r\n", b"400 Bad Request"),
        (b"\x16\x03\x01\r\n\r\n", b"400 Bad Request"),
        (b"GET /metrics HTTP/2\r\n\r\n", b"400 Bad Request"),
        (b"G" * (MOST_BYTES + 1), b"431 Request Header Fields Too Large"),
    ],
)
def test_requests(request_: bytes, status: bytes) -> None:
    """There is one page, and no answer but for a request of HTTP/1."""
    with serving(lambda: b"page\n") as port:
        head, _, body = answer(port, request_).partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    assert first == b"HTTP/1.1 " + status
    assert b"Connection: close" in fields
    assert b"Content-Length: %d" % len(body) in fields


def test_many_that_send_nothing() -> None:
    """The oldest have to go; who sends a request gets an answer."""
    with serving(lambda: b"page\n") as port, ExitStack() as stack:
        idle = [stack.enter_context(connected(port)) for _ in range(MOST_OPEN + 4)]
        assert get(port, "/metrics") == (200, "page\n")
        assert [client.recv(1) for client in idle[:5]] == [b""] * 5


def test_patience() -> None:
    """What is not whole in time, or not read, is closed."""
    clock = Clock()
    with serving(clock=clock) as port, closing(connected(port)) as slow:
        slow.sendall(b"GET /met")
        with closing(connected(port)) as deaf:
            deaf.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            assert deaf.recv(1) == b"H"
            assert get(port, "/")[0] == 404
            clock.now = 60
            assert get(port, "/")[0] == 404  # what wakes it, its clock stands still
            assert slow.recv(1) == b""
            assert len(rest(deaf)) < len(PAGE)


def rest(client: socket.socket) -> bytes:
    """Return what comes until the end, which may be a reset."""
    came: list[bytes] = []
    with suppress(ConnectionResetError):
        came.extend(iter(lambda: client.recv(1 << 16), b""))
    return b"".join(came)


def test_a_flood() -> None:
    """Only so many connections are accepted in a second; all others wait."""
    clock = Clock()
    with serving(lambda: b"page\n", clock) as port:
        for _ in range(50):
            assert get(port, "/metrics") == (200, "page\n")
        with closing(connected(port)) as late:
            late.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            late.settimeout(0.2)
            with pytest.raises(TimeoutError):
                late.recv(1)
            clock.now = 2
            late.settimeout(30)
            assert late.recv(1) == b"H"
