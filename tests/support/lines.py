"""The line to a server, which can be cut, and stop."""

from __future__ import annotations

import socket
from contextlib import closing, suppress
from threading import Event, Thread

from typing_extensions import Self

from tests.support.ports import hold


class Line:
    """Passes connections on to a port of this machine; ``port`` is its own."""

    def __init__(self, server: int) -> None:
        self._server = server
        self._held = hold()  # also while nobody listens
        self.port: int = self._held.getsockname()[1]
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._flows = Event()
        self.asked = Event()  # once there was a connection
        self._sockets: list[socket.socket] = []
        self._threads: list[Thread] = []

    def __enter__(self) -> Self:
        self.flow()
        self._serve()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self.flow()
        for thread in self._threads:
            thread.join()
        self._held.close()

    def cut(self) -> None:
        """Refuse connections, and reset those that there are."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let connections through again."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._serve()

    def stop(self) -> None:
        """Have no answer come through."""
        self._flows.clear()

    def flow(self) -> None:
        """Have all come through."""
        self._flows.set()

    def _serve(self) -> None:
        self._start(self._accept, self._listener)

    def _start(self, what: object, *given: object) -> None:
        thread = Thread(target=what, args=given)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                ours, _ = listener.accept()
            except OSError:
                return
            theirs = socket.create_connection(("127.0.0.1", self._server))
            self._sockets += [ours, theirs]
            self.asked.set()
            self._start(self._pass, ours, theirs)
            self._start(self._answer, theirs, ours)

    def _pass(self, asks: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := asks.recv(65_536):
                server.sendall(data)
        with suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def _answer(self, server: socket.socket, asks: socket.socket) -> None:
        with closing(server), closing(asks), suppress(OSError):
            while data := server.recv(65_536):
                self._flows.wait()
                asks.sendall(data)
