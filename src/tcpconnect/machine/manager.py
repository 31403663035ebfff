"""Manager: tells systemd that a service is ready, alive, stopping (sd_notify(3))."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _socket import socket

READY, ALIVE, STOPPING = b"READY=1", b"WATCHDOG=1", b"STOPPING=1"


class Manager:
    """The manager of this service, if there is one; what it does not hear is lost."""

    def __init__(self) -> None:
        self._socket: socket | None = None
        address = os.environ.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):
            return
        from _socket import AF_UNIX, SOCK_CLOEXEC, SOCK_DGRAM, socket

        if address.startswith("@"):
            address = f"\0{address[1:]}"
        self._socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC)
        self._socket.settimeout(0)
        with suppress(OSError):
            self._socket.connect(address)

    def say(self, state: bytes) -> None:
        """Say one of the above."""
        if self._socket:
            with suppress(OSError):
                self._socket.send(state)
