"""Attempts, attached by a thread while this one imports what a trace needs besides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.bpf.libbpf import load_library, no_log
from tcpconnect.bpf.object import BpfObject
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

# A program in both objects, and the tracepoint that it is for.
PROGRAM, TRACEPOINT = "attempt_ends", b"inet_sock_set_state"


def attached(
    settings: Settings,
    targets: Targets = EVERYWHERE,
    open_object: Callable[[ctypes.CDLL, str], BpfObject] = BpfObject,
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


class Ahead:
    """Attempts of these settings, which ``take`` gives away; else they are closed.

    Threads keep the privileges that they start with, and nobody may change those of the
    process meanwhile: ``take`` returns when the thread has ended.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._object: BpfObject | None = None  # opened
        self._attempts: Attempts | None = None
        share_heap()
        self._attaching = Meanwhile(self._attach)
        from tcpconnect.kernel import attempts  # noqa: F401 (the thread needs it next)

    def _attach(self) -> None:
        try:
            self._read_types()
            self._attempts = attached(self._settings, open_object=self._open)
        finally:
            if self._object:
                self._object.close()

    def _read_types(self) -> None:
        """Open the object that the settings need, if nothing is special here.

        The types of the kernel are read for it, as the load would do, which is most of
        what that takes. Errors come again when it is opened once more.
        """
        settings = self._settings
        calls = settings.with_result or settings.shows_asked
        try:
            no_log(library := load_library())
            name = "attempts_calls" if calls and settings.with_calls else "attempts"
            self._object = BpfObject(library, name)
            program = self._object.program(PROGRAM)
            library.bpf_program__set_attach_target(program, 0, TRACEPOINT)
        except (KernelError, OSError):
            pass

    def _open(self, library: ctypes.CDLL, name: str) -> BpfObject:
        """Return that object, once, if it is the right one; else another one."""
        opened, self._object = self._object, None
        if opened and opened.name == name:
            return opened
        if opened:
            opened.close()
        return BpfObject(library, name)

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
