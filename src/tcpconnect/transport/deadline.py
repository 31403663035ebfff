"""A time after which a connection is cut, whatever its other side does."""

from __future__ import annotations

import os
import socket
from contextlib import closing, contextmanager, suppress
from threading import Event, Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def cut_after(seconds: float, fd: int) -> Iterator[None]:
    """Cut the connection of a descriptor after a time. Raises TimeoutError then.

    A server may answer a byte each few seconds, or nothing at all.
    """
    late = Event()
    with closing(socket.socket(fileno=os.dup(fd))) as connection:
        timer = Timer(seconds, _cut, (connection, late))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            if late.is_set():  # what was cut may look like an answer, or any error
                raise TimeoutError


def _cut(connection: socket.socket, late: Event) -> None:
    late.set()
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
