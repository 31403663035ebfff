"""Prometheus: attempts counted in memory, served as metrics."""

from __future__ import annotations

import errno
import os
import signal
import socket
import time
from _thread import allocate_lock, start_new_thread
from typing import TYPE_CHECKING

from tcpconnect import messages as other_messages
from tcpconnect import metrics_messages as messages
from tcpconnect.errors import OutputError, remedy_for
from tcpconnect.metrics.facts import Beside
from tcpconnect.metrics.ledger import MAX_SERIES, Ledger
from tcpconnect.metrics.page import TYPE, page_maker
from tcpconnect.metrics.server import MOST_OPEN, Server
from tcpconnect.output import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tcpconnect.alerts.tally import Tally
    from tcpconnect.batch import Batch, Output, Totals
    from tcpconnect.endpoints import Endpoint

REMEDIES = {
    errno.EADDRINUSE: "choose another port",
    errno.EADDRNOTAVAIL: "name an address of this machine",
    errno.EACCES: "choose a port from 1024 on, or run it as root",
}


class Prometheus:
    """Counts in the loop, and serves in a thread, which blocks nothing.

    The socket listens before privileges are dropped; the thread starts with the first
    batch, after that. Its errors are raised by the next ``write``, or by ``close``.
    """

    dropped = 0
    needed_capabilities: frozenset[str] = frozenset()

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        max_series: int | None = None,
        *,
        quiet: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = repr(name)
        self.fd = -1
        self._endpoint, self._quiet, self._clock = endpoint, quiet, clock
        self._ledger = Ledger(max_series or MAX_SERIES)
        self._beside = Beside()
        self._failure: BaseException | None = None
        self._started = False
        self._ended = allocate_lock()

    def count_others(self, others: Iterable[Output], tally: Tally | None) -> None:
        """Have the page say what these outputs drop, and what alerts have found."""
        mine = [output for output in others if output is not self]
        self._beside.count_others(mine, tally)

    def open(self) -> None:
        """Import what makes pages, and listen. Raises UsageError and OutputError."""
        page = page_maker(self._ledger.page, self._beside.facts)
        self._server = Server(self._listener(), page, TYPE)
        # The loop asks whether its reader has gone: it has none.
        self.fd = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)

    def _listener(self) -> socket.socket:
        place = self._endpoint
        family = socket.AF_INET6 if place.is_ipv6 else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(place)
            listener.listen(MOST_OPEN)
        except OSError as error:
            listener.close()
            number = error.errno or 0
            remedy = REMEDIES.get(number) or remedy_for(number)
            message, reason = messages.CANT_SERVE, os.strerror(number)
            raise OutputError(
                message, place=place, reason=reason, remedy=remedy
            ) from error
        return listener

    def write(self, batch: Batch) -> None:
        """Count the events of a batch."""
        if self._failure:
            raise self._failure
        if not self._started:
            self._start()
        self._beside.take(batch)
        self._ledger.add(batch.events, self._clock())

    def close(self, _totals: Totals) -> None:
        """End the server."""
        if self._started:
            self._server.stop()
            self._ended.acquire()
        self._server.close()
        os.close(self.fd)
        if self._failure:
            raise self._failure

    def _start(self) -> None:
        self._ended.acquire()
        try:
            start_new_thread(self._run, ())
        except RuntimeError as error:
            message = other_messages.CANT_START_THREAD
            raise OutputError(message, reason=error) from error
        self._started = True
        if not self._quiet:
            say(messages.SERVED.line(place=self._endpoint))

    def _run(self) -> None:
        try:
            # The main thread handles them.
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            self._server.run()
        except BaseException as error:  # noqa: BLE001 (it is raised where it is read)
            self._failure = error
        finally:
            self._ended.release()
