"""POST requests to servers that answer, and to those that do not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tcpconnect.errors import UsageError
from tcpconnect.transport.post import Poster
from tcpconnect.transport.target import target
from tcpconnect.transport.undelivered import UndeliveredError
from tests.support.ports import reserved
from tests.support.servers import Server, dripping, raw_server, until_closed

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget those of this machine."""
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def poster(port: int, limit_s: float = 20.0, path: str = "") -> Poster:
    """Return what posts to a port of this machine."""
    url = f"http://127.0.0.1:{port}{path}"
    return Poster(target(url), {"X-Scope": "me"}, limit_s)


def test_sent() -> None:
    """Path, headers and body."""
    with Server() as server:
        poster(server.port, path="/prefix").post("/api", b"[1]")
    (request,) = server.requests
    assert (request.path, request.body) == ("/prefix/api", [1])
    expected = {"content-type": "application/json", "x-scope": "me"}
    assert expected.items() <= request.headers.items()
    assert request.headers["host"] == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize(
    ("status", "again"),
    [(400, False), (401, False), (302, True), (429, True), (503, True)],
)
def test_refused(status: int, *, again: bool) -> None:
    """The reason has what the server says; some of it may pass."""
    with (
        Server(status, "no \x1b[31mway") as server,
        pytest.raises(UndeliveredError) as failed,
    ):
        poster(server.port).post("/", b"[]")
    assert str(failed.value) == f"HTTP status {status}, no \\x1b[31mway"
    assert failed.value.again == again


def test_nobody_listens() -> None:
    """The errno's text."""
    with reserved() as port, pytest.raises(UndeliveredError, match="Connection refus"):
        poster(port).post("/", b"[]")


def test_no_such_name() -> None:
    """What the resolver says."""
    with pytest.raises(UndeliveredError):
        Poster(target("http://nope.invalid"), {}).post("/", b"[]")


@pytest.mark.parametrize("serve", [until_closed, dripping])
def test_no_answer(serve: Callable[[socket.socket], None]) -> None:
    """A request ends, whatever the server does."""
    begin = time.monotonic()
    with (
        raw_server(serve) as port,
        pytest.raises(UndeliveredError, match="it did not answer in time"),
    ):
        poster(port, 0.3).post("/", b"[]")
    assert time.monotonic() - begin < 10


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_no_http(answer: bytes) -> None:
    """Another service on that port."""

    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(answer)

    with raw_server(serve) as port, pytest.raises(UndeliveredError):
        poster(port).post("/", b"[]")


def test_a_long_answer() -> None:
    """Only its begin is read."""
    with (
        Server(500, "x" * 10_000_000) as server,
        pytest.raises(UndeliveredError) as failed,
    ):
        poster(server.port).post("/", b"[]")
    assert len(str(failed.value)) < 200


def test_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """As other programs read it, with its credentials."""
    with Server() as proxy:
        monkeypatch.setenv("http_proxy", f"http://me:a%40b@127.0.0.1:{proxy.port}")
        Poster(target("http://am.invalid:9093"), {}).post("/api", b"[]")
        (request,) = proxy.requests
        assert request.path == "http://am.invalid:9093/api"
        assert request.headers["host"] == "am.invalid:9093"
        assert request.headers["proxy-authorization"] == "Basic bWU6YUBi"
        monkeypatch.setenv("no_proxy", "am.invalid")
        with pytest.raises(UndeliveredError):
            Poster(target("http://am.invalid:9093"), {}).post("/api", b"[]")


@pytest.mark.parametrize(
    ("proxy", "reason"),
    [
        ("http://h:99999999", "it is no URL"),
        ("http://h:secret", "it is no URL"),
        ("http://[::1", "it is no URL"),
        ("socks5://u:secret@127.0.0.1:1080", "proxies are asked by plain HTTP only"),
        ("https://127.0.0.1:1080", "proxies are asked by plain HTTP only"),
        ("http://", "it names no host"),
    ],
)
def test_no_proxy(proxy: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that can't be asked is refused at the start; its password is not printed."""
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(UsageError) as refused:
        Poster(target("http://am.invalid:9093"), {})
    assert f"invalid proxy of http: {reason}" in str(refused.value)
    assert "secret" not in str(refused.value)
    monkeypatch.setenv("no_proxy", "am.invalid")
    Poster(target("http://am.invalid:9093"), {})


@pytest.mark.parametrize("host", ["a" * 64, "a..b", ".."])
def test_no_name(host: str) -> None:
    """A host that no name server is asked for."""
    with pytest.raises(UndeliveredError, match="its name is no name of a host"):
        Poster(target(f"http://{host}"), {}).post("/", b"[]")


def test_a_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS goes through the proxy; one that refuses says so."""
    asked: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        asked.append(connection.recv(4096))
        connection.sendall(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")

    with raw_server(serve) as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        with pytest.raises(
            UndeliveredError, match="the proxy refuses, HTTP status 403"
        ):
            Poster(target("https://am.invalid"), {}).post("/", b"[]")
    assert asked[0].startswith(b"CONNECT am.invalid:443 HTTP/1.")


def test_no_tls() -> None:
    """A server that speaks plain HTTP."""
    with Server() as server, pytest.raises(UndeliveredError, match="TLS: "):
        Poster(target(f"https://127.0.0.1:{server.port}"), {}).post("/", b"[]")
