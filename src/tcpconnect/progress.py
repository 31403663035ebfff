"""Progress: what takes longer than a second says on a terminal how far it is."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from tcpconnect.errors import OutputError
from tcpconnect.output import STDERR, ReaderGoneError, is_writable, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

PATIENCE_S = 1.0  # before it says anything
PERIOD_S = 0.2
ERASE = b"\r\x1b[K"  # ECMA-48: to the begin of the line, and erase it


class Progress:
    """A line on stderr, where that is a terminal: ``43 %``, or the seconds so far.

    Call ``update`` again and again; the end of the ``with`` statement erases it.
    ``share`` returns how much is done, from 0 to 1. If ``quiet``, nothing is said.
    """

    def __init__(
        self, share: Callable[[], float] | None = None, *, quiet: bool = False
    ) -> None:
        self._share = share
        self._began = time.monotonic()
        self._next = self._began + PATIENCE_S
        self._silent = quiet or not os.isatty(STDERR)
        self._shown = False

    def update(self) -> None:
        """Say how far it is, if it is time to."""
        now = time.monotonic()
        if self._silent or now < self._next:
            return
        self._next = now + PERIOD_S
        far = f"{self._share():.0%}" if self._share else f"{now - self._began:.0f} s"
        self._shown = True  # a signal may come at once
        self._say(ERASE + far.encode())

    def erase(self) -> None:
        """Erase what was said; may be called from a signal handler."""
        if self._shown:
            self._shown = False
            self._say(ERASE)

    def end_at_interrupt(self) -> None:
        """Have Ctrl-C end the process at once, as without a handler, but erase first.

        A shell then sees exit code 130.
        """

        def end(number: int, _: object) -> None:
            self.erase()
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

        signal.signal(signal.SIGINT, end)

    def _say(self, text: bytes) -> None:
        with suppress(ReaderGoneError, OutputError):
            if is_writable(STDERR):
                write(STDERR, text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.erase()
