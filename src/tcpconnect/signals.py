"""Signals: those that end the trace, and those that are a traced command's."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from tcpconnect.errors import TcpconnectError
from tcpconnect.output import STDERR, is_writable, say

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from tcpconnect.batch import Output
    from tcpconnect.command import Command
    from tcpconnect.tracer import Trace

# How long what reads the output may take before it is said that nothing does.
PATIENCE_S = 1.0


def stop_at_signals(events: Trace, outputs: Collection[Output]) -> None:
    """Stop at the first SIGINT, SIGTERM or SIGHUP; a second one kills."""

    def stop(number: int, _: object) -> None:
        _stop(events, outputs, number)

    _handle((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), stop)


def pass_signals_on(
    events: Trace, outputs: Collection[Output], command: Command
) -> None:
    """Let the command decide about signals; when it has ended, they stop the trace."""

    def pass_on(number: int, _: object) -> None:
        if command.is_running():
            command.pass_on(number)
        else:
            _stop(events, outputs, number)

    _handle((signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT), pass_on)


def _handle(numbers: Iterable[int], handler: Callable[[int, object], None]) -> None:
    """Set a handler; SIGHUP stays ignored, as nohup(1) has it."""
    for number in numbers:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def _stop(events: Trace, outputs: Collection[Output], number: int) -> None:
    """Stop the trace; the next signal kills, whatever we then wait for.

    A write that waits for a reader goes on to wait when the handler has run (PEP 475).
    """
    for deadly in {number, signal.SIGINT, signal.SIGTERM}:
        signal.signal(deadly, signal.SIG_DFL)
    events.stop()
    if number == signal.SIGINT and os.isatty(STDERR) and is_writable(STDERR):
        say("")  # the terminal has echoed ^C
    _watch(outputs)


def _watch(outputs: Collection[Output]) -> None:
    """Say that a second signal is needed where nobody reads what is left to write."""

    def look(*_: object) -> None:
        if all(is_writable(output.fd) for output in outputs):
            signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)
        elif is_writable(STDERR):
            error = TcpconnectError(
                "the output is blocked",
                "nobody reads it",
                "a second signal ends tcpconnect, and what is not written is lost",
            )
            say(f"tcpconnect: {error}")

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)


def end_watch() -> None:
    """Let no signal come when Python ends: it takes the handler away before it does."""
    signal.setitimer(signal.ITIMER_REAL, 0)
