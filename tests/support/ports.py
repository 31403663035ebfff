"""Ports of this machine, which all that runs beside a test chooses from, too."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def hold() -> socket.socket:
    """Return what has a port of 127.0.0.1, until it is closed, and does not listen.

    Who asks the kernel for any port gets another one. Who sets SO_REUSEADDR, as servers
    do, may listen on it.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return held


@contextmanager
def reserved() -> Iterator[int]:
    """Yield a port that is held."""
    with hold() as held:
        yield held.getsockname()[1]
