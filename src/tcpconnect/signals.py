"""Signals: they end the trace, or are forwarded to a traced command."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tcpconnect import messages
from tcpconnect.abilities import reopens
from tcpconnect.output import STDERR, is_writable, say, write_line

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Collection, Iterable

    from tcpconnect.batch import Output, Source
    from tcpconnect.command import Command
else:
    import _signal as signal  # its enums take half a millisecond

# How long the output may block before a line says so.
PATIENCE_S = 1.0


def stop_at_signals(events: Source, outputs: Collection[Output]) -> None:
    """Stop at the first SIGINT or SIGTERM; a second one kills.

    SIGHUP has files opened again. Without any it stops, and where the terminal ends.
    """
    terminal = _has_terminal()
    files = [o for o in outputs if reopens(o) and o.has_file]

    def stop(number: int, _: object) -> None:
        _stop(events, outputs, number)

    def hang_up(number: int, _: object) -> None:
        if not files or (terminal and not _has_terminal()):
            _stop(events, outputs, number)
        for output in files:
            output.reopen()

    _handle((signal.SIGINT, signal.SIGTERM), stop)
    _handle((signal.SIGHUP,), hang_up)


def _has_terminal() -> bool:
    """Whether we have a terminal; one that was closed we have no more."""
    try:
        flags = os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
        os.close(os.open("/dev/tty", flags))
    except OSError:
        return False
    return True


def pass_signals_on(
    events: Source, outputs: Collection[Output], command: Command
) -> None:
    """Forward signals to the command; when it has ended, they stop the trace."""

    def pass_on(number: int, _: object) -> None:
        if command.is_running():
            command.pass_on(number)
        else:
            _stop(events, outputs, number)

    _handle((signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT), pass_on)


def _handle(numbers: Iterable[int], handler: Callable[[int, object], None]) -> None:
    """Set a handler; SIGHUP stays ignored if nohup(1) has ignored it."""
    for number in numbers:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def _stop(events: Source, outputs: Collection[Output], number: int) -> None:
    """Stop the trace; the next signal kills the tool, even when it is blocked.

    A blocked write continues to block after the handler has run (PEP 475).
    """
    for deadly in {number, signal.SIGINT, signal.SIGTERM}:
        signal.signal(deadly, signal.SIG_DFL)
    events.stop()
    if number == signal.SIGINT and os.isatty(STDERR) and is_writable(STDERR):
        write_line("")  # the terminal has echoed ^C
    watch(outputs)


def watch(outputs: Collection[Output]) -> None:
    """Say which outputs are blocked, and that a second signal ends the tool."""

    def look(*_: object) -> None:
        blocked = [output.name for output in outputs if not is_writable(output.fd)]
        if not blocked:
            signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)
        elif is_writable(STDERR):
            say(messages.OUTPUT_BLOCKED.line(outputs=", ".join(blocked)))

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)


def end_watch() -> None:
    """Stop the timer: Python removes the handler before it exits."""
    signal.setitimer(signal.ITIMER_REAL, 0)
