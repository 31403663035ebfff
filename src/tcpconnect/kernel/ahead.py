"""Attempts, attached by a thread while this one imports what a trace needs besides."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tcpconnect.bpf.libbpf import load_library, no_log
from tcpconnect.bpf.object import BpfObject
from tcpconnect.bpf.relocating import kernel_types
from tcpconnect.errors import KernelError
from tcpconnect.kernel.meanwhile import Meanwhile
from tcpconnect.machine.memory import share_heap
from tcpconnect.places import EVERYWHERE

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable

    from typing_extensions import Self

    from tcpconnect.kernel.attempts import Attempts
    from tcpconnect.places import Targets
    from tcpconnect.settings import Settings

    Attach = Callable[[], Attempts]


def opened(library: ctypes.CDLL, name: str) -> BpfObject:
    """Open an object with the types of the kernel. Raises KernelError."""
    return BpfObject(library, name, kernel_types(library))


def attached(
    settings: Settings,
    targets: Targets = EVERYWHERE,
    open_object: Callable[[ctypes.CDLL, str], BpfObject] = opened,
) -> Attempts:
    """Return attempts, attached. Raises TcpconnectError."""
    from tcpconnect.kernel.attempts import Attempts
    from tcpconnect.kernel.preflight import ready_library, require

    library = ready_library()
    try:
        return Attempts(library, settings, targets, open_object)
    except KernelError:
        require()  # what is missing says more than the failed step
        raise


def _object_for(settings: Settings, library: ctypes.CDLL) -> str:
    """Return the name of the object that attempts open first."""
    if settings.with_calls:
        from tcpconnect.kernel import refusals

        if refusals.are_wanted(library, settings):
            return "attempts_calls"
    return "attempts"


class Ahead:
    """An object, opened by a thread; after ``begin`` attempts, attached by a thread.

    ``likely`` are settings that need the same object, if nothing is special here. What
    ``take`` does not give away is closed. Threads keep the privileges that they start
    with, and nobody may change those of the process meanwhile: ``take`` returns when
    they have ended.
    """

    def __init__(self, likely: Settings) -> None:
        self._object: BpfObject | None = None
        self._attempts: Attempts | None = None
        share_heap()
        self._step = self._reading = Meanwhile(partial(self._read_types, likely))

    def begin(self, settings: Settings) -> None:
        """Attach attempts of these settings."""
        self._step = Meanwhile(partial(self._attach, settings))

    def _attach(self, settings: Settings) -> None:
        self._reading.end()
        self._attempts = attached(settings, open_object=self._open)

    def _read_types(self, likely: Settings) -> None:
        """Open an object, for which the types of the kernel are read.

        Errors come again when an object is opened.
        """
        try:
            no_log(library := load_library())
            self._object = opened(library, _object_for(likely, library))
        except (KernelError, OSError):
            pass

    def _open(self, library: ctypes.CDLL, name: str) -> BpfObject:
        """Return that object, once, if it is the right one; else another one."""
        ready, self._object = self._object, None
        if ready and ready.name == name:
            return ready
        if ready:
            ready.close()
        return opened(library, name)

    def take(self) -> Attempts:
        """Return them. Raises the error with which that has failed."""
        self._step.wait()
        attempts, self._attempts = self._attempts, None
        if attempts is None:
            raise ValueError("they have been taken")
        return attempts

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._step.end()
        for left in (self._attempts, self._object):
            if left:
                left.close()
        self._attempts = self._object = None
