"""run(): from the options to the last line; the loop, the order of start and stop."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tcpconnect.api import trace
from tcpconnect.bpf.capabilities import keep_only
from tcpconnect.color import is_colored
from tcpconnect.errors import TcpconnectError, UsageError
from tcpconnect.lossreport import LossReport
from tcpconnect.output import STDERR, STDOUT, ReaderGoneError, open_file, say, write
from tcpconnect.signals import end_watch, pass_signals_on, stop_at_signals
from tcpconnect.sinks import open_sink

if TYPE_CHECKING:
    from tcpconnect.command import Command
    from tcpconnect.parsing import CommandLine
    from tcpconnect.sinks import Sink
    from tcpconnect.tracer import Trace
    from tcpconnect.view import View


def run(line: CommandLine, view: View) -> int:
    """Trace until told to stop, or the command has ended; return the exit code."""
    with ExitStack() as stack:
        stack.callback(end_watch)
        output = _open_output(line, stack)
        settings, command = view.settings, None
        if line.command:
            command = stack.enter_context(_command(line))
            settings = replace(settings, pids={command.pid}, follow=True)
        if settings.named:
            _allow_descriptors()
        with trace(settings) as events:
            events.stop_with(output)
            sink = _open_sink(line, view, output)
            _tell(events)
            if command:
                pass_signals_on(events, output, command)
            else:
                stop_at_signals(events, output)
            _give_up_privileges(events, command)
            events.settle()
            _tell(events)
            say("Tracing connect ... Hit Ctrl-C to end")
            if command:
                command.start()
            with suppress(ReaderGoneError):
                _show(events, sink, output, line)
            if events.processes_ended and not command:
                events.notices.append("all traced processes have ended")
                _tell(events)
        return command.wait() if command else 0


def _tell(events: Trace) -> None:
    """Say what does not work, since this was last asked."""
    while events.notices:
        notice = events.notices.pop(0)
        say(f"tcpconnect: {notice}")


def _open_output(line: CommandLine, stack: ExitStack) -> int:
    """Return where lines go; stdout is the command's, where there is one."""
    if line.output is not None:
        fd = open_file(line.output)
        stack.callback(os.close, fd)
        return fd
    return STDERR if line.command else STDOUT


def _allow_descriptors() -> None:
    """Use as many as we may: a C library takes five or six, and containers have some.

    The command, which was forked before, has the limit that it always had.
    """
    import resource

    with suppress(OSError):  # seccomp refuses it: what is then missing is said later
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _command(line: CommandLine) -> Command:
    from tcpconnect.command import Command

    if line.changes.get("pids"):
        reason = "the command is traced, and all that it starts"
        raise UsageError("-p does not go with a command", reason, "leave -p out")
    return Command(line.command)


def _open_sink(line: CommandLine, view: View, output: int) -> Sink:
    """Return the sink; what is imported later may be in a folder of root's."""
    if line.histogram:
        from tcpconnect.sinks.histogram import draw  # noqa: F401 (for later)
    colored = is_colored(line.color, output)
    return open_sink(view.format, view.columns, colored=colored)


def _give_up_privileges(events: Trace, command: Command | None) -> None:
    """Give up those that are of no more use; the command keeps its own."""
    # It may be another user's.
    needed = events.later | {"CAP_KILL"} if command else events.later
    try:
        shared = keep_only(needed)
    except OSError as failure:
        reason = os.strerror(failure.errno or 0)
        error = TcpconnectError("can't give up privileges", reason)
        say(f"tcpconnect: {error}")
        return
    if shared:
        reason = "this user namespace has too few user IDs"
        remedy = "start it where more are mapped: others of nobody can stop it"
        error = TcpconnectError("running as nobody", reason, remedy)
        say(f"tcpconnect: {error}")


def _show(events: Trace, sink: Sink, output: int, line: CommandLine) -> None:
    """Write what comes, and say what was lost. Raises ReaderGoneError."""
    losses = LossReport()
    if line.count:
        _count(events, sink, losses, output, line)
    else:
        _stream(events, sink, losses, output, line.limit)
    losses.total(events.losses)


def _stream(
    events: Trace, sink: Sink, losses: LossReport, output: int, limit: int | None
) -> None:
    write(output, sink.header())
    left = limit
    for batch in events.batches():
        shown = batch[:left]
        if shown:
            write(output, sink.rows(shown))
        _tell(events)
        losses.warn(events.losses)
        if left is not None:
            left -= len(shown)
            if not left:
                return


def _count(
    events: Trace, sink: Sink, losses: LossReport, output: int, line: CommandLine
) -> None:
    for _ in events.batches():
        _tell(events)
        losses.warn(events.losses)
    write(output, sink.header() + sink.rows(events.flows()[: line.limit]))
    if line.histogram:
        from tcpconnect.sinks.histogram import draw

        write(output, draw(events.histogram(), "usecs"))
