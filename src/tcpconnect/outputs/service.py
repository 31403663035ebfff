"""Service: an output that tells systemd that the trace is ready, alive, stopping."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from tcpconnect.machine.manager import ALIVE, READY, STOPPING, Manager

if TYPE_CHECKING:
    from tcpconnect.batch import Batch, Totals

PERIOD_S = 1.0


class Service:
    """Batches come each second at least: while they do, the tracer is alive."""

    name = "the service manager"
    dropped = 0
    needed_capabilities: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.fd = -1
        self._ready = False
        self._next = 0.0

    def open(self) -> None:
        """Find the manager, before privileges are dropped."""
        self.fd = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        self._manager = Manager()

    def write(self, _batch: Batch) -> None:
        """Say that it is ready, then from time to time that it is alive."""
        if not self._ready:
            self._ready = True
            self._manager.say(READY)
        now = time.monotonic()
        if now >= self._next:
            self._next = now + PERIOD_S
            self._manager.say(ALIVE)

    def close(self, _totals: Totals) -> None:
        """Say that it is stopping."""
        self._manager.say(STOPPING)
        os.close(self.fd)
