"""run(): from the options to the last line; the loop, the order of start and stop."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tcpconnect import __version__
from tcpconnect.api import trace
from tcpconnect.batch import NO_LOSSES, Totals
from tcpconnect.errors import TcpconnectError, UsageError
from tcpconnect.lossreport import LossReport
from tcpconnect.machine.capabilities import keep_only
from tcpconnect.output import STDERR, STDOUT, ReaderGoneError, say
from tcpconnect.outputs.text import Text
from tcpconnect.signals import end_watch, pass_signals_on, stop_at_signals
from tcpconnect.stages import Limit

STDOUT_NAME = "-"  # for the option -o

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from tcpconnect.batch import Batch, Output, Stage
    from tcpconnect.command import Command
    from tcpconnect.parsing import CommandLine
    from tcpconnect.tracer import Trace
    from tcpconnect.view import Display, View


def run(line: CommandLine, view: View) -> int:
    """Trace until told to stop, or the command has ended; return the exit code."""
    with ExitStack() as stack:
        stack.callback(end_watch)
        outputs = _open_outputs(line, view)
        settings, command = view.settings, None
        if line.command:
            command = stack.enter_context(_command(line))
            settings = replace(settings, pids={command.pid}, follow=True)
        if settings.named:
            _allow_descriptors()
        with trace(settings) as events:
            events.process_ends()
            for output in outputs:
                events.stop_with(output.fd)
            if command:
                pass_signals_on(events, outputs, command)
            else:
                stop_at_signals(events, outputs)
            _give_up_privileges(events, outputs, command)
            _show(events, outputs, line, command)
            if events.processes_ended and not command:
                notice = TcpconnectError("all traced processes have ended")
                say(f"tcpconnect: {notice}")
        return command.wait() if command else 0


def _open_outputs(line: CommandLine, view: View) -> list[Output]:
    """Return where lines go; stdout is the command's, where there is one.

    What may be slow must not hold up the trace, nor other outputs.
    """
    displays = sorted(view.displays.items(), key=str)
    outputs = [_output(_target(path, line), shown, line) for path, shown in displays]
    if any(path not in {None, STDOUT_NAME} for path in view.displays):
        from tcpconnect.outputs.queued import Queued

        outputs = [Queued(output) for output in outputs]
    for output in outputs:
        output.open()
    return outputs


def _output(target: int | str, display: Display, line: CommandLine) -> Output:
    if not display.recorded:
        return Text(target, display, line.color)
    from tcpconnect.outputs.recording import Recording
    from tcpconnect.recorded import SCHEMA, About

    host, options = os.uname().nodename, line.words
    about = About(version=__version__, host=host, options=options, schema=SCHEMA)
    return Recording(target, display, about)


def _target(path: str | None, line: CommandLine) -> int | str:
    """Return the descriptor, or the file, that an output writes to."""
    if path is None:
        return STDERR if line.command else STDOUT
    return STDOUT if path == STDOUT_NAME else path


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


def _give_up_privileges(
    events: Trace, outputs: list[Output], command: Command | None
) -> None:
    """Give up those that are of no more use; the command keeps its own."""
    needed = events.needed_capabilities.union(*(o.needed_capabilities for o in outputs))
    if command:
        needed |= {"CAP_KILL"}  # it may be another user's
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


def _show(
    events: Trace, outputs: list[Output], line: CommandLine, command: Command | None
) -> None:
    """Let what comes flow into the outputs, and say what was lost."""

    def ready() -> None:
        say("Tracing connect ... Hit Ctrl-C to end")
        if command:
            command.start()

    stages = [Limit(line.limit)] if line.limit else ()
    histogram = events.histogram if line.histogram else list
    flow(events.batches(), stages, outputs, ready, histogram)


def flow(
    batches: Iterable[Batch],
    stages: Collection[Stage],
    outputs: Collection[Output],
    ready: Callable[[], None],
    histogram: Callable[[], list[int]],
) -> None:
    """Write batches to outputs until they end, or a stage does, or a reader is gone.

    ``ready`` is called with the first batch; ``histogram`` returns that of Totals.
    Raises OutputError, when all are closed.
    """
    report, events, losses = LossReport(), 0, NO_LOSSES
    try:
        for number, each in enumerate(batches):
            batch = _changed(each, stages)
            report.tell(batch, outputs)
            if not number:
                ready()
            for output in outputs:
                output.write(batch)
            events, losses = events + len(batch.events), batch.losses
            if any(stage.ended for stage in stages):
                break
    except ReaderGoneError:
        losses = NO_LOSSES  # nobody wants to know
    finally:
        _close(outputs, Totals(events, losses, histogram=histogram()))
    report.total(losses, outputs)


def _changed(batch: Batch, stages: Iterable[Stage]) -> Batch:
    events = batch.events
    for stage in stages:
        events = stage(events)
    return replace(batch, events=events)


def _close(outputs: Iterable[Output], totals: Totals) -> None:
    """Close all, whatever one of them raises."""
    with ExitStack() as stack:
        for output in outputs:
            stack.callback(_end, output, totals)


def _end(output: Output, totals: Totals) -> None:
    with suppress(ReaderGoneError):
        output.close(totals)
