"""Ties: what alerts give to other outputs: their numbers, and themselves."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from tcpconnect.batch import Warnings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tcpconnect.alerts.alert import Alert, Notice
    from tcpconnect.alerts.tally import Tally

ROOM = 1_000  # more than these are sent at the next start


class Mailbox:
    """A channel to an output that has a spool, of the thread that finds alerts.

    ``into`` spools one, and raises OSError; ``sent`` is called with the ID of each that
    is in the spool.
    """

    keeps = True
    failure: BaseException | None = None

    def __init__(self, name: str) -> None:
        self.name = name
        self.warnings = Warnings()
        self.into: Callable[[Notice], None]
        self.sent: Callable[[str], None]
        self._waiting: deque[Notice] = deque(maxlen=ROOM)

    def start(self) -> None:
        """Do nothing: the output has a thread."""

    def put(self, notice: Notice) -> None:
        """Take an alert."""
        self._waiting.append(notice)
        self._turn()

    def active(self, _alerts: Iterable[Alert]) -> None:
        """Try again what could not be spooled before."""
        self._turn()

    def close(self, _seconds: float) -> None:
        """Do the same: what is left is kept for the next run."""
        self._turn()

    def _turn(self) -> None:
        with suppress(OSError):  # the output says why, once
            while self._waiting:
                self.into(self._waiting[0])
                self.sent(self._waiting.popleft().id)


class Ties(NamedTuple):
    """For metrics, and for places, by what the command line calls them."""

    tally: Tally
    boxes: Mapping[str, Mailbox]
