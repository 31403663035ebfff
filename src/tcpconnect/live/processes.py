"""Two processes: a tracer that may trace, and a screen that may do nothing.

The first one started is the screen. Each notices by the pipe between them that the
other has gone. When the screen is killed, the tracer gives the terminal back.
"""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from tcpconnect import messages, top_messages
from tcpconnect.errors import TcpconnectError
from tcpconnect.live import terminal
from tcpconnect.live.tail import Tail
from tcpconnect.output import STDERR, STDOUT, ReaderGoneError, write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    # What traces: takes descriptors for ticks and for the output of the command, and
    # what to call when the screen has gone; returns an exit code, and raises nothing.
    Tracer = Callable[[int, int, Callable[[], None]], int]
    # What draws: takes a descriptor of ticks, others with what takes what comes there,
    # and what the command has printed; returns what runs until a key ends it, or with
    # False when the tracer is gone.
    Others = Mapping[int, Callable[[bytes], None]]
    Painter = Callable[[int, Others, Tail], Callable[[], bool]]

LEFT = b"\0"  # the screen has given the terminal back
READ_BYTES = 65536


class Pipes(NamedTuple):
    """Pairs of descriptors, to read and to write.

    ``ticks`` are for the screen, ``said`` what the tracer says, ``printed`` what the
    command prints; ``left`` says that the screen has ended as it should.
    """

    ticks: tuple[int, int]
    said: tuple[int, int]
    printed: tuple[int, int]
    left: tuple[int, int]


def show(trace: Tracer, paint: Painter, *, reads_stdin: bool = False) -> int:
    """Show the screen until a key, or the tracer's failure, ends it.

    Returns the exit code of the tracer, which is that of the command. Raises
    UsageError where there is no terminal.
    """
    tty = terminal.open_tty()
    pipes = Pipes(os.pipe(), os.pipe(), os.pipe(), os.pipe())
    before = terminal.modes(tty)
    tracer = os.fork()
    if not tracer:
        screen = ScreenProcess(pipes.left[0], tty, before, os.dup(STDERR))
        _be_tracer(pipes, trace, screen, reads_stdin=reads_stdin)
    for _, end in pipes[:3]:
        os.close(end)
    os.close(pipes.left[0])
    return _be_screen(pipes, paint, tracer, tty, before)


class ScreenProcess:
    """The other process, to the tracer: it gives the terminal back, or we do.

    ``left`` is the pipe that says so, ``before`` are the modes that the terminal had.
    """

    def __init__(
        self, left: int, tty: int, before: terminal.Modes, stderr: int
    ) -> None:
        self._left = left
        self._tty, self._before = tty, before
        self._stderr = stderr
        self._is_gone = False

    def wait(self) -> None:
        """Wait until the terminal is given back."""
        if self._is_gone:
            return
        self._is_gone = True
        if not os.read(self._left, 1):
            terminal.restore(self._tty, self._before)
            line = f"tcpconnect: {top_messages.SCREEN_KILLED.line()}\n"
            with suppress(TcpconnectError, ReaderGoneError):
                write(self._stderr, line.encode())


def _be_tracer(
    pipes: Pipes, trace: Tracer, screen: ScreenProcess, *, reads_stdin: bool
) -> NoReturn:
    """Trace, and end the process when the screen has ended, too."""
    code = 1
    try:
        for end, _ in pipes[:3]:
            os.close(end)
        os.close(pipes.left[1])
        if not reads_stdin:
            terminal.read_nothing(0)
        for number in (STDOUT, STDERR):
            os.dup2(pipes.said[1], number)
        os.close(pipes.said[1])
        code = trace(pipes.ticks[1], pipes.printed[1], screen.wait)
        os.close(pipes.ticks[1])
        screen.wait()
    finally:
        os._exit(code)


def _be_screen(
    pipes: Pipes, paint: Painter, tracer: int, tty: int, before: terminal.Modes
) -> int:
    """Show the screen; return the tracer's exit code. Raises what the screen raises."""
    said, printed = Tail(), Tail()
    others = {pipes.said[0]: said.add, pipes.printed[0]: printed.add}
    whole = False
    try:
        with terminal.lent(tty):
            run = paint(pipes.ticks[0], others, printed)
            if reason := terminal.give_up_rights():
                line = messages.CANT_DROP_PRIVILEGES.line(reason=reason)
                said.add(f"{line}\n".encode())
            if terminal.wait_for(pipes.ticks[0]):
                with terminal.restored_after_errors(tty, before):
                    whole = run()
    finally:
        with suppress(BrokenPipeError):  # it has ended already
            os.write(pipes.left[1], LEFT)
        for fd in (pipes.ticks[0], pipes.left[1]):
            os.close(fd)
        code = _end_of(tracer, others)
        with suppress(ReaderGoneError):
            write(STDOUT, printed.whole())
        with suppress(TcpconnectError, ReaderGoneError):
            write(STDERR, said.whole())
    if code < 0:
        known = -code in {*signal.Signals}
        name = signal.Signals(-code).name if known else f"signal {-code}"
        raise TcpconnectError(top_messages.TRACER_KILLED, signal=name)
    return code or int(not whole)


def _end_of(tracer: int, others: Others) -> int:
    """Read what it says until it has ended; return its exit code."""
    fd = os.pidfd_open(tracer)
    ready = select.poll()
    for each in (fd, *others):
        ready.register(each, select.POLLIN)
    running = True
    while running:
        for each, _ in ready.poll():
            if each == fd:
                running = False
            elif not _read(each, others):
                ready.unregister(each)
    ready.unregister(fd)
    while found := [each for each, what in ready.poll(0) if what & select.POLLIN]:
        for each in found:
            _read(each, others)
    return os.waitstatus_to_exitcode(os.waitpid(tracer, 0)[1])


def _read(fd: int, others: Others) -> bool:
    """Give what there is to who takes it; return False at the end."""
    data = os.read(fd, READ_BYTES)
    if data:
        others[fd](data)
    return bool(data)
