"""HTTP servers of tests: those that answer, and those that do not."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

from typing_extensions import Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator


class Request(NamedTuple):
    """What a server was sent."""

    path: str
    headers: dict[str, str]
    body: Any


class Server:
    """A server that answers with ``status``, and keeps what it was sent.

    What has the word ``refuses`` it answers with 400, and does not keep.
    """

    def __init__(
        self,
        status: int = 200,
        text: str = "",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.status, self.text = status, text
        self.headers: dict[str, str] = {}  # of its answers
        self.requests: list[Request] = []
        self.refuses = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): text for name, text in self.headers.items()}
                body = unpacked(body, headers.get("content-encoding", ""))
                is_json = "json" in headers.get("content-type", "json")
                request = Request(
                    self.path, headers, json.loads(body) if is_json else body
                )
                refuses = outer.refuses and outer.refuses.encode() in body
                if not refuses:
                    outer.requests.append(request)
                self.send_response(400 if refuses else outer.status)
                self.send_header("Content-Length", str(len(outer.text)))
                for header in outer.headers.items():
                    self.send_header(*header)
                self.end_headers()
                self.wfile.write(outer.text.encode())

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        if tls:
            plain = self._server.socket
            self._server.socket = tls.wrap_socket(plain, server_side=True)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def unpacked(body: bytes, encoding: str) -> bytes:
    """Return a body as it was before it was packed."""
    if encoding == "zstd":
        from tcpconnect.zstd import library

        return bytes(library().decompress(body))
    return gzip.decompress(body) if encoding == "gzip" else body


@contextmanager
def raw_server(serve: Callable[[socket.socket], object]) -> Iterator[int]:
    """Give each connection to ``serve``, in a thread; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threads: list[threading.Thread] = []

        def one(connection: socket.socket) -> None:
            with connection:
                serve(connection)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                threads.append(threading.Thread(target=one, args=(connection,)))
                threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for thread in threads:
                thread.join()


def until_closed(connection: socket.socket) -> None:
    """Read all that comes, and answer nothing."""
    try:
        while connection.recv(4096):
            pass
    except ConnectionError:
        return


def dripping(connection: socket.socket) -> None:
    """Answer a byte at a time, without an end."""
    stopped = threading.Event()
    try:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while not stopped.wait(0.05):
            connection.sendall(b"x")
    except OSError:
        return
