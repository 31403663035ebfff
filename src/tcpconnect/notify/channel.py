"""Channels: each sends alerts somewhere, and blocks nobody."""

from __future__ import annotations

import signal
import time
from _thread import start_new_thread
from collections import deque
from threading import Condition
from typing import TYPE_CHECKING, Protocol

from tcpconnect import alert_messages as messages
from tcpconnect.batch import Warnings
from tcpconnect.errors import OutputError
from tcpconnect.messages import CANT_START_THREAD
from tcpconnect.output import ReaderGoneError
from tcpconnect.transport.undelivered import UndeliveredError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from tcpconnect.alerts.alert import Alert, Notice

ROOM = 1_000  # notices that wait
PAUSES_S = (1, 2, 5, 10, 20, 60)  # before each next try; the last one again and again


class Channel(Protocol):
    """A way to one place; ``keeps``: what it did not send yet is kept for it."""

    name: str
    keeps: bool
    warnings: Warnings

    def start(self) -> None:
        """Start its threads, after privileges are dropped."""

    def put(self, notice: Notice) -> None:
        """Take an alert that is to be sent."""

    def active(self, alerts: Collection[Alert]) -> None:
        """Take all that is failing now."""

    def close(self, seconds: float) -> None:
        """Send what waits, for so long at most."""


class Thread:
    """Runs ``turn`` in a thread of its own, until it returns False."""

    def __init__(self, turn: Callable[[], bool]) -> None:
        self._turn = turn

    def start(self) -> None:
        """Start it; the main thread handles the signals. Raises OutputError."""
        try:
            start_new_thread(self._run, ())
        except RuntimeError as error:
            raise OutputError(CANT_START_THREAD, reason=error) from error

    def _run(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while self._turn():
            pass


class Health:
    """Says when a place can't be reached, once, and when it can be again."""

    def __init__(self, name: str, warnings: Warnings) -> None:
        self._name = name
        self._warnings = warnings
        self._failing = False

    def failed(self, error: UndeliveredError) -> None:
        """Say why, unless that was said."""
        if not self._failing:
            self._failing = True
            remedy = "it is tried again" if error.again else "look there"
            message = messages.CANT_SEND_ALERTS
            self._warnings.add(message, target=self._name, reason=error, remedy=remedy)

    def worked(self) -> None:
        """Say that it does again."""
        if self._failing:
            self._failing = False
            self._warnings.add(messages.ALERTS_SENT_AGAIN, target=self._name)


class Courier:
    """Sends each alert once it can; the oldest are dropped where too many wait.

    ``send`` raises UndeliveredError; ``sent`` is called with the ID of each notice
    that is not to be sent any more. ``workers`` send at the same time; after so many
    ``tries`` a notice is given up. ``stop`` ends what still sends at the end. What else
    ``send`` raises is the ``failure`` that ends the worker, for the owner to look at.
    """

    keeps = True

    def __init__(
        self,
        name: str,
        send: Callable[[Notice], None],
        sent: Callable[[str], None],
        *,
        workers: int = 1,
        tries: int | None = None,
        stop: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.warnings = Warnings()
        self._send, self._sent = send, sent
        self._workers, self._tries, self._stop = workers, tries, stop
        self._health = Health(name, self.warnings)
        self._waiting: deque[Notice] = deque()
        self._changed = Condition()
        self._busy = self._dropped = self._said = 0
        self._why_dropped = ""
        self._closing = self._stopped = False
        self.failure: BaseException | None = None

    def start(self) -> None:
        """Start the workers."""
        for _ in range(self._workers):
            Thread(self._turn).start()

    def put(self, notice: Notice) -> None:
        """Queue a notice."""
        with self._changed:
            dropped = self._waiting.popleft() if len(self._waiting) >= ROOM else None
            self._waiting.append(notice)
            self._changed.notify()
        if dropped:
            self._drop(dropped, f"{len(self._waiting)} wait for it")

    def active(self, _alerts: Iterable[Alert]) -> None:
        """Do nothing: what fails was sent when it began to."""

    def close(self, seconds: float) -> None:
        """Wait until all is sent; what is not is kept for the next run."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            self._changed.wait_for(self._is_done, seconds)
            self._stopped = True
        self._stop()
        if self._dropped > self._said:
            self._say_dropped()

    def _is_done(self) -> bool:
        return bool(self.failure) or not (self._waiting or self._busy)

    def _turn(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            if self._stopped or not self._waiting:
                return False
            notice = self._waiting.popleft()
            self._busy += 1
        try:
            self._deliver(notice)
        except (ReaderGoneError, OutputError) as error:
            self.failure = error
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()
        return not self.failure

    def _deliver(self, notice: Notice) -> None:
        tried = 0
        while True:
            try:
                self._send(notice)
            except UndeliveredError as error:
                if self._stopped:  # by us
                    return
                self._health.failed(error)
                tried += 1
                if not error.again or tried == self._tries:
                    self._drop(notice, str(error))
                    return
            else:
                self._health.worked()
                self._sent(notice.id)
                return
            if not self._pause(PAUSES_S[min(tried, len(PAUSES_S)) - 1]):
                return

    def _pause(self, seconds: float) -> bool:
        """Wait; return False when it is to end meanwhile."""
        end = time.monotonic() + seconds
        with self._changed:
            self._changed.wait_for(
                lambda: self._closing or time.monotonic() >= end, seconds
            )
            return not self._closing

    def _drop(self, notice: Notice, reason: str) -> None:
        """Give a notice up: the first one is said at once, all of them at the end."""
        with self._changed:
            self._dropped += 1
            self._why_dropped = reason
            if not self._said:
                self._say_dropped()
        self._sent(notice.id)

    def _say_dropped(self) -> None:
        self._said = n = self._dropped
        message, reason = messages.ALERTS_DROPPED, self._why_dropped
        self.warnings.add(message, n=n, target=self.name, reason=reason)
