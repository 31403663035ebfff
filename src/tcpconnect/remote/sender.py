"""Sender: a thread that sends the blocks of a spool, and tries again where it can't."""

from __future__ import annotations

import errno
import os
import random
import time
from threading import Condition
from typing import TYPE_CHECKING

from tcpconnect import loss_messages, remote_messages
from tcpconnect.notify.channel import Thread
from tcpconnect.output import say
from tcpconnect.remote.spool import ALERTS, GONE, SINGLE, WINDOWS
from tcpconnect.transport.undelivered import UndeliveredError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tcpconnect.remote.spool import Block, Spool

PAUSES_S = (1, 2, 5, 10, 20, 60)  # before each next try; the last one again and again
MOST_S = 3_600.0  # that a place may ask us to wait
DAMAGED = {errno.ENOENT, errno.EBADMSG}
REFUSED = "it refused them"
NOT_YET = "the time was over"
NOT_SENT = {
    WINDOWS: remote_messages.NOT_SENT,
    SINGLE: remote_messages.NOT_SENT_SINGLY,
    ALERTS: remote_messages.ALERTS_NOT_SENT,
}


class Sender:
    """Sends the oldest block first; ``deliver`` returns how many attempts are refused.

    It raises UndeliveredError. What can't be delivered waits, what a place will never
    take is dropped. After each failure all wait for a random time, so that the hosts
    of a fleet do not come back at the same moment.
    """

    def __init__(
        self, name: str, spool: Spool, deliver: Callable[[Block, bytes], int]
    ) -> None:
        self.sent = 0  # attempts, in windows
        self._name, self._spool, self._deliver = name, spool, deliver
        self._random = random.Random()  # noqa: S311 (it spreads load)
        self._changed = Condition()
        self.due = 0.0  # when to send next, of the monotonic clock
        self._tries = 0  # that have failed since the last success
        self._reason = ""
        self._refuses = False
        self._closing = self._started = self._ended = False

    def start(self) -> None:
        """Start its thread, after privileges are dropped."""
        self._started = True
        Thread(self._turn).start()

    def wake(self, within_s: float = 0.0) -> None:
        """Send what is new: at a random moment of so many seconds, or before."""
        with self._changed:
            now = time.monotonic()
            due = now + self._random.uniform(0, within_s)
            if not self._tries:
                self.due = min(due, self.due) if self.due > now else due
            self._changed.notify()

    def close(self, seconds: float) -> None:
        """Send what is left, for so long at most; say what was not sent."""
        with self._changed:
            self._closing = True
            self._changed.notify()
            if self._started:
                self._changed.wait_for(lambda: self._ended, seconds)
        for (kind, reason), n in sorted(self._spool.dropped.items()):
            if kind in NOT_SENT:
                loss = NOT_SENT[kind].line(n=n, place=self._name, reason=reason)
                say(loss_messages.TOTAL.line(loss=loss))
        if left := self._spool.left:
            values = {"n": left, "place": self._name, "path": self._spool.path}
            reason = self._reason or NOT_YET
            say(remote_messages.LEFT_IN_SPOOL.line(**values, reason=reason))

    def _turn(self) -> bool:
        """Send a block; return whether there may be more."""
        block = self._next()
        if not block:
            with self._changed:
                self._ended = True
                self._changed.notify_all()
            return False
        try:
            refused = self._deliver(block, self._spool.read(block))
        except UndeliveredError as error:
            self._fail(block, error)
        except OSError as error:  # of the spool
            self._miss(block, error)
        else:
            self._succeed(block, refused)
        return True

    def _next(self) -> Block | None:
        """Wait for a block that is to be sent; return None at the end."""
        with self._changed:
            while True:
                # At the end all is tried once more, but not again and again.
                if self._closing and self._tries:
                    return None
                block = self._spool.first(int(time.time()))
                left = self.due - time.monotonic()
                if block and (left <= 0 or self._closing):
                    return block
                if self._closing:
                    return None
                self._changed.wait(left if block else None)

    def _succeed(self, block: Block, refused: int) -> None:
        if self._reason:
            say(remote_messages.PLACE_BACK.line(place=self._name))
        self._tries, self._reason, self._refuses = 0, "", False
        if refused:
            self._spool.drop(block.kind, REFUSED, refused)
        if block.kind == WINDOWS:
            self.sent += block.attempts - refused
        self._spool.done(block)

    def _miss(self, block: Block, error: OSError) -> None:
        """Drop a block that is damaged, or was deleted; try others again."""
        if error.errno not in DAMAGED:
            self._fail(block, UndeliveredError(os.strerror(error.errno or 0)))
            return
        self._spool.drop(block.kind, GONE, block.attempts)
        self._spool.done(block)

    def _fail(self, block: Block, error: UndeliveredError) -> None:
        values = {"place": self._name, "reason": error}
        if not error.again:
            if not self._refuses:
                self._refuses = True
                say(remote_messages.PLACE_REFUSES.line(**values))
            self._spool.drop(block.kind, REFUSED, block.attempts)
            self._spool.done(block)
            return
        if not self._reason:
            say(remote_messages.PLACE_AWAY.line(**values, path=self._spool.path))
        self._reason = str(error)
        pause = PAUSES_S[min(self._tries, len(PAUSES_S) - 1)]
        wait = pause * self._random.uniform(0.5, 1.5)
        asked = min(error.after, MOST_S) * self._random.uniform(1.0, 1.5)
        with self._changed:
            self._tries += 1
            self.due = time.monotonic() + max(wait, asked)
