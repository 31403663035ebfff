"""Outputs of the tracer: a pipe to the screen, and a frame on stdout."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from tcpconnect.live.fold import Fold
from tcpconnect.live.frame import whole
from tcpconnect.live.model import Model
from tcpconnect.live.state import State
from tcpconnect.live.stream import Begin, End, Message, encode
from tcpconnect.output import ReaderGoneError, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from tcpconnect.batch import Batch, Totals

PIPE_BYTES = 1 << 20  # as much as anyone may have
TICK_S = 1.0
EARLY_S = 0.05


class Sender:
    """Sends a tick a second through a pipe; what does not fit waits, folded.

    So a screen that has stopped reading neither blocks the trace, nor loses anything.
    """

    name = "the screen"
    dropped = 0
    needed_capabilities: frozenset[str] = frozenset()

    def __init__(
        self,
        fd: int,
        about: Callable[[], Begin],
        gone: Callable[[], None],
        *,
        whole: bool,
    ) -> None:
        """``gone`` is called at the end, if there is no screen any more."""
        self.fd = fd
        self._about = about
        self._gone = gone
        self._told: Begin | None = None
        self._fold = Fold(whole=whole)
        self._last = 0.0
        self._unsent = b""

    def open(self) -> None:
        """Make room in the pipe, where that is allowed."""
        with suppress(OSError):  # then it takes several writes
            fcntl.fcntl(self.fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        os.set_blocking(self.fd, False)

    def write(self, batch: Batch) -> None:
        """Fold a batch, and send what is due. Raises ReaderGoneError."""
        self._fold.add(batch)
        self._send()
        if not self._unsent and batch.now - self._last >= TICK_S - EARLY_S:
            self._last = batch.now
            self._tick()
        elif batch.now < self._last:  # the clock was set back
            self._last = batch.now

    def close(self, _totals: Totals) -> None:
        """Send the rest. Raises ReaderGoneError."""
        os.set_blocking(self.fd, True)
        try:
            self._tick()
        except ReaderGoneError:
            self._gone()
            raise

    def end(self) -> None:
        """Send that it was all: nothing has failed."""
        with suppress(ReaderGoneError):
            self._put(End())

    def _tick(self) -> None:
        about = self._about()
        if about != self._told:
            self._told = about
            self._put(about)
        self._put(self._fold.tick())

    def _put(self, message: Message) -> None:
        self._unsent += encode(message)
        self._send()

    def _send(self) -> None:
        """Write what the pipe takes. Raises ReaderGoneError."""
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self.fd, self._unsent) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            raise ReaderGoneError from None


class Once:
    """Prints one frame at the end, of one interval: all rows, ``cells`` wide."""

    name = "stdout"
    fd = 1
    dropped = 0
    needed_capabilities: frozenset[str] = frozenset()

    def __init__(
        self,
        about: Callable[[], Begin],
        cells: int,
        interval: float = 1.0,
        *,
        whole: bool,
    ) -> None:
        self._about = about
        self._cells = cells
        self._fold = Fold(whole=whole)
        self._model = Model(interval, whole=whole)

    def open(self) -> None:
        """Do nothing: all is imported."""

    def write(self, batch: Batch) -> None:
        """Add a batch."""
        self._fold.add(batch)

    def close(self, _totals: Totals) -> None:
        """Do nothing: what was not read to its end is no measurement."""

    def show(self) -> None:
        """Print the frame. Raises OutputError and ReaderGoneError."""
        self._model.begin(self._about())
        self._model.take(self._fold.tick(), last=True)
        state = State(self._model)
        state.update()
        lines = [f"{line}\n" for line in whole(state, self._cells)]
        write(self.fd, "".join(lines).encode(), self.name)
