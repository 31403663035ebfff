"""Attempts, attached by a thread while this one imports what a trace needs besides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.errors import KernelError
from tcpconnect.kernel.attempts import Attempts
from tcpconnect.kernel.meanwhile import Meanwhile
from tcpconnect.kernel.preflight import ready_library, require
from tcpconnect.machine.memory import share_heap
from tcpconnect.places import EVERYWHERE

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from tcpconnect.places import Targets
    from tcpconnect.settings import Settings

    Attach = Callable[[], Attempts]


def attached(settings: Settings, targets: Targets = EVERYWHERE) -> Attempts:
    """Return attempts, attached. Raises TcpconnectError."""
    library = ready_library()
    try:
        return Attempts(library, settings, targets)
    except KernelError:
        require()  # what is missing says more than the failed step
        raise


class Ahead:
    """Attempts of these settings, which ``take`` gives away; else they are closed.

    Threads keep the privileges that they start with, and nobody may change those of the
    process meanwhile: ``take`` returns when the thread has ended.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._attempts: Attempts | None = None
        share_heap()
        self._attaching = Meanwhile(self._attach)

    def _attach(self) -> None:
        self._attempts = attached(self._settings)

    def take(self) -> Attempts:
        """Return them. Raises the error with which that has failed."""
        self._attaching.wait()
        attempts, self._attempts = self._attempts, None
        if attempts is None:
            raise ValueError("they have been taken")
        return attempts

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._attaching.end()
        if self._attempts:
            self._attempts.close()
