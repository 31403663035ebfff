"""Servers that are no ClickHouse, or refuse: a line each, and nothing is lost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tcpconnect.databases import clickhouse as asking
from tcpconnect.errors import TcpconnectError, UsageError
from tcpconnect.remote.clickhouse import FORM, ClickHouse
from tcpconnect.remote.url import read
from tcpconnect.transport.undelivered import UndeliveredError
from tests.support.asking import ask, said
from tests.support.certificates import pair, server_context
from tests.support.counted import counted, insert
from tests.support.servers import dripping, raw_server, until_closed

if TYPE_CHECKING:
    import socket
    from pathlib import Path

OURS = "X-ClickHouse-Server-Display-Name: x\r\n"
NO_TABLE = "Code: 60. DB::Exception: Unknown table (UNKNOWN_TABLE)"
LONG = f"Code: 60. DB::Exception: Unknown: {'x' * 5000}. (UNKNOWN_TABLE)"
TOOK_S = 15
# An answer: what is said of it, and whether it is tried again.
ANSWERS = [
    ("200 OK", "", "hello", "it is no ClickHouse, HTTP status 200", True),
    (
        *("301 Moved", "Location: http://x/\r\n", ""),
        *("it is no ClickHouse, HTTP status 301", True),
    ),
    ("404 Not Found", "", "no page", "it is no ClickHouse, HTTP status 404", True),
    ("404 Not Found", OURS, NO_TABLE, "no tables of tcpconnect there", True),
    ("404 Not Found", OURS, LONG, "no tables of tcpconnect there", True),
    ("401 Unauthorized", OURS, "Code: 194.", "Code: 194.", True),
    ("403 Forbidden", OURS, "Code: 516.", "Code: 516.", True),
    ("503 Unavailable", OURS, "busy", "busy", True),
    ("400 Bad Request", OURS, "Code: 117. a row", "Code: 117. a row", False),
    ("500 Error", OURS, "\x1b[2J" + "x" * 20_000_000, "xxxxx", True),
]


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask servers themselves."""
    for name in ("http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def answering(status: str, headers: str, body: str, connection: socket.socket) -> None:
    """Read a request, and answer it."""
    with connection.makefile("rb") as request:
        length = 0
        while line := request.readline().strip().lower():
            if line.startswith(b"content-length:"):
                length = int(line.split()[1])
        request.read(length)
    head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    try:
        connection.sendall((head + body).encode())
    except ConnectionError:
        return


@pytest.mark.parametrize(("status", "headers", "body", "reason", "again"), ANSWERS)
def test_answers(
    status: str, headers: str, body: str, reason: str, *, again: bool
) -> None:
    """A block waits unless its rows are refused; history says the same in a line."""
    began = time.monotonic()
    with raw_server(lambda c: answering(status, headers, body, c)) as port:
        url = f"clickhouse://127.0.0.1:{port}/d"
        place = ClickHouse(url)
        place.open()
        with pytest.raises(UndeliveredError) as caught:
            insert(place, place.windows([counted(0, "db", 1)], {}), "1f")
        assert reason in str(caught.value)
        assert "\x1b" not in str(caught.value)
        assert caught.value.again is again
        code, line = said(ask("--db", url))
    assert code == 1
    assert reason in line
    assert len(line) < 600
    assert "\x1b" not in line
    assert time.monotonic() - began < TOOK_S


@pytest.mark.parametrize("scheme", ["clickhouse", "clickhouses"])
def test_history_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """An answer that never ends is cut, however often a byte of it comes."""
    made = pair(tmp_path)
    tls = server_context(made)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.certificate))
    monkeypatch.setattr(asking, "ANSWER_S", 0.3)

    def serve(connection: socket.socket) -> None:
        if scheme == "clickhouse":
            return dripping(connection)
        try:
            with tls.wrap_socket(connection, server_side=True) as wrapped:
                return dripping(wrapped)
        except OSError:
            return None

    began = time.monotonic()
    with raw_server(serve) as port:
        url = read(f"{scheme}://127.0.0.1:{port}/d", FORM)
        database = asking.ClickHouse(url, lambda: None)
        with pytest.raises(TcpconnectError, match="it did not answer in time"):
            database.rows("SELECT 1", {})
    assert time.monotonic() - began < TOOK_S


def test_history_waits_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server works on for too long is left; it sees that we are gone."""
    monkeypatch.setattr("tcpconnect.databases.database.LIMIT_S", 0.2)
    with raw_server(until_closed) as port:
        url = read(f"clickhouse://127.0.0.1:{port}/d", FORM)
        database = asking.ClickHouse(url, lambda: None)
        with pytest.raises(TcpconnectError) as caught:
            database.rows("SELECT 1", {})
    said = f"'{url.name}' had no answer within 0.2 s: that is the limit of a question; "
    assert str(caught.value).startswith(said)


def test_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """clickhouses:// believes certificates of a CA that is known, and no others."""
    made = pair(tmp_path)
    tls = server_context(made)

    def serve(connection: socket.socket) -> None:
        try:
            with tls.wrap_socket(connection, server_side=True) as wrapped:
                answering("200 OK", OURS, "", wrapped)
        except OSError:
            return

    with raw_server(serve) as port:
        url = f"clickhouses://127.0.0.1:{port}/d"
        strange, known = ClickHouse(url), ClickHouse(url)
        strange.open()
        monkeypatch.setenv("SSL_CERT_FILE", str(made.certificate))
        known.open()
        packed = known.windows([counted(0, "db", 1)], {})
        insert(known, packed, "2f")
        with pytest.raises(UndeliveredError, match="TLS: self") as caught:
            insert(strange, packed, "3f")
        assert caught.value.again


def test_wrong_authorities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of CAs that can't be read is said at the start; OpenSSL passes it over."""
    junk = tmp_path / "junk"
    junk.write_text("none")
    url = "clickhouses://127.0.0.1:1/d"
    for path, reason in (junk, "no certificate in PEM"), (tmp_path / "x", "No such"):
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        with pytest.raises(UsageError, match=f"which SSL_CERT_FILE names.*{reason}"):
            ClickHouse(url).open()
        with pytest.raises(UsageError, match=reason):
            asking.ClickHouse(read(url, FORM), lambda: None)
        ClickHouse("clickhouse://127.0.0.1:1/d").open()  # without TLS it is not read
