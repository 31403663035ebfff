"""Server: answers requests for one page, whatever else others send or leave open."""

from __future__ import annotations

import os
import select
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PATH = b"/metrics"
MOST_OPEN = 16  # connections; one more ends the oldest
MOST_BYTES = 8192  # of a request
PATIENCE_S = 5.0  # for a request to come, and for its answer to be read
DRAIN_S = 1.0  # for the other end to close, once it has the answer
MOST_DRAINED = 1 << 16  # bytes
FRESH_S = 1.0  # a page is made once in this time
MOST_A_SECOND = 50  # connections; others wait in the kernel
SHORTAGE_MS = 100  # before the next try where a descriptor is missing
TOO_LARGE = b"431 Request Header Fields Too Large"
PLAIN = b"text/plain; charset=utf-8"
ENDS = (b"\r\n\r\n", b"\n\n")  # of a request's head


class Connection:
    """A connection: what came, and what is to be sent."""

    def __init__(self, peer: socket.socket, now: float) -> None:
        self.peer = peer
        self.until = now + PATIENCE_S
        self.came = bytearray()
        self.left = memoryview(b"")
        self.answered = False
        self.drained = 0


class Server:
    """Serves ``page``, of this ``kind``, in the thread that calls ``run``."""

    def __init__(
        self,
        listener: socket.socket,
        page: Callable[[], bytes],
        kind: bytes,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._listener, self._make, self._kind = listener, page, kind
        self._clock = clock
        self._open: dict[int, Connection] = {}  # oldest first
        self._page, self._made = b"", float("-inf")
        self._accepted: list[float] = []  # when, in the last second
        self._wake, self._waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._poll = select.poll()
        self._poll.register(self._wake, select.POLLIN)

    def stop(self) -> None:
        """Have run() return soon; from another thread."""
        os.write(self._waker, b"\0")

    def close(self) -> None:
        """Close everything, after run() or in its place."""
        for connection in self._open.values():
            connection.peer.close()
        self._open.clear()
        self._listener.close()
        os.close(self._wake)
        os.close(self._waker)

    def run(self) -> None:
        """Serve until it is stopped."""
        while True:
            now = self._clock()
            for late in [x for x in self._open.values() if x.until <= now]:
                self._end(late)
            wait_ms = self._until_next(now)
            for fd, events in self._poll.poll(wait_ms):
                if fd == self._wake:
                    return
                if fd == self._listener.fileno():
                    self._accept()
                elif connection := self._open.get(fd):
                    self._go_on(connection, events)

    def _until_next(self, now: float) -> float | None:
        """Listen if there may be more connections; return how many ms to wait."""
        self._accepted = [at for at in self._accepted if at > now - 1]
        ends = [connection.until for connection in self._open.values()]
        if len(self._accepted) < MOST_A_SECOND:
            self._poll.register(self._listener, select.POLLIN)
        else:
            self._rest()
            ends.append(self._accepted[0] + 1)
        return max(0.0, min(ends) - now) * 1000 + 1 if ends else None

    def _rest(self) -> None:
        """Let those who connect wait."""
        self._poll.register(self._listener, 0)

    def _accept(self) -> None:
        try:
            peer, _ = self._listener.accept()
        except BlockingIOError:
            return
        except OSError:  # no descriptor is free, or it has gone already
            self._poll_wake(SHORTAGE_MS)
            return
        now = self._clock()
        self._accepted.append(now)
        if len(self._open) >= MOST_OPEN:
            self._end(next(iter(self._open.values())))
        os.set_blocking(peer.fileno(), False)
        self._open[peer.fileno()] = Connection(peer, now)
        self._poll.register(peer, select.POLLIN)

    def _poll_wake(self, wait_ms: float) -> None:
        waiting = select.poll()
        waiting.register(self._wake, select.POLLIN)
        waiting.poll(wait_ms)

    def _end(self, connection: Connection) -> None:
        fd = connection.peer.fileno()
        self._poll.unregister(fd)
        del self._open[fd]
        connection.peer.close()

    def _go_on(self, connection: Connection, events: int) -> None:
        try:
            if connection.left:
                self._send(connection)
            elif events & ~select.POLLOUT:
                self._receive(connection)
        except BlockingIOError:
            return
        except OSError:
            self._end(connection)

    def _receive(self, connection: Connection) -> None:
        data = connection.peer.recv(MOST_BYTES)
        connection.drained += len(data) if connection.answered else 0
        if not data or connection.drained > MOST_DRAINED:
            self._end(connection)
        elif not connection.answered:
            connection.came += data
            if answer := answer_to(bytes(connection.came), self._fresh, self._kind):
                connection.answered = True
                connection.left = memoryview(answer)
                connection.until = self._clock() + PATIENCE_S
                self._send(connection)

    def _send(self, connection: Connection) -> None:
        sent = connection.peer.send(connection.left)
        connection.left = connection.left[sent:]
        if connection.left:
            self._poll.register(connection.peer, select.POLLOUT)
            return
        connection.peer.shutdown(socket.SHUT_WR)
        connection.until = self._clock() + DRAIN_S
        self._poll.register(connection.peer, select.POLLIN)

    def _fresh(self) -> bytes:
        now = self._clock()
        if now - self._made >= FRESH_S:
            self._page, self._made = self._make(), now
        return self._page


def answer_to(came: bytes, page: Callable[[], bytes], kind: bytes) -> bytes:
    """Return the answer to a request, b"" while it is not whole."""
    line, *_ = came.split(b"\n", 1)
    if not any(end in came for end in ENDS):
        return _response(TOO_LARGE) if len(came) > MOST_BYTES else b""
    words = line.split()
    if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
        return _response(b"400 Bad Request")
    if words[1].partition(b"?")[0] != PATH:
        return _response(b"404 Not Found", b"metrics are at /metrics\n")
    if words[0] != b"GET":
        return _response(b"405 Method Not Allowed", more=b"Allow: GET\r\n")
    return _response(b"200 OK", page(), kind)


def _response(
    status: bytes, body: bytes = b"", kind: bytes = PLAIN, more: bytes = b""
) -> bytes:
    body = body or status[4:] + b"\n"
    return (
        b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n%b"
        b"Connection: close\r\nCache-Control: no-store\r\n"
        b"X-Content-Type-Options: nosniff\r\n\r\n%b"
    ) % (status, kind, len(body), more, body)
