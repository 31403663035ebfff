"""run(): from the options to the last line; the order of start and stop."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tcpconnect import messages
from tcpconnect.abilities import takes_rows
from tcpconnect.api import trace
from tcpconnect.batch import NO_LOSSES, Totals
from tcpconnect.errors import UsageError
from tcpconnect.lossreport import LossReport
from tcpconnect.machine import memory
from tcpconnect.machine.capabilities import keep_only
from tcpconnect.output import (
    STDERR,
    ReaderGoneError,
    is_read,
    say,
    write_line,
)
from tcpconnect.outputs.opening import open_outputs, terms_of
from tcpconnect.schemes import REMOTE
from tcpconnect.signals import end_watch, pass_signals_on, stop_at_signals, watch
from tcpconnect.stages import Limit
from tcpconnect.tracer import Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from tcpconnect.batch import Batch, Losses, Output, Stage
    from tcpconnect.command import Command
    from tcpconnect.kernel.ahead import Ahead
    from tcpconnect.machine.account import Account
    from tcpconnect.parsing import CommandLine
    from tcpconnect.settings import Settings
    from tcpconnect.summary import Summary
    from tcpconnect.tables import Tables
    from tcpconnect.view import View


def run(line: CommandLine, view: View, ahead: Ahead | None = None) -> int:
    """Trace until a signal, or the end of the command; return the exit code.

    ``ahead`` are attempts that are being attached already.
    """
    tables = view.counting.tables() if view.counting else None
    terms = terms_of(view.displays, line.spool)
    outputs = open_outputs(line, view, terms)
    account = terms.account if terms else None
    sends = any(display.format in REMOTE for display in view.displays.values())
    settings = replace(view.settings, not_own=sends)
    return trace_to(outputs, line, settings, tables, account=account, ahead=ahead)


def trace_to(
    outputs: list[Output],
    line: CommandLine,
    settings: Settings,
    tables: Tables | None = None,
    command_output: int | None = None,
    account: Account | None = None,
    listen: Callable[[], None] = lambda: None,
    ahead: Ahead | None = None,
) -> int:
    """Do the same with outputs that are open, and belong to an account.

    ``listen`` sets handlers of more signals.

    ``command_output`` is a descriptor for what the command prints; it then reads
    nothing, and is asked to end when the reader of an output has gone.
    """
    with ExitStack() as stack:
        stack.callback(end_watch)
        command = None
        summary = _summary(line, settings)
        if line.command:
            command = stack.enter_context(_command(line, command_output))
            settings = replace(settings, pids={command.pid}, follow=True)
        if (settings.units or settings.pods) and not line.quiet:
            _say_what_is_absent(settings)
        if settings.named:
            _allow_descriptors()
        with Trace(settings, ahead.take) if ahead else trace(settings) as events:
            events.process_ends()
            for output in outputs:
                events.stop_with(output.fd)
            if command:
                pass_signals_on(events, outputs, command)
            else:
                stop_at_signals(events, outputs)
            listen()
            _give_up_privileges(events, outputs, command, account, quiet=line.quiet)
            _show(events, outputs, line, tables, command, summary)
            if command and command_output is not None and not _are_read(outputs):
                command.hang_up()
            if events.processes_ended and not (command or line.quiet):
                say(messages.ALL_ENDED.line())
        return command.wait() if command else 0


def _are_read(outputs: Iterable[Output]) -> bool:
    return all(is_read(output.fd) for output in outputs)


def _summary(line: CommandLine, settings: Settings) -> Summary | None:
    if not (line.summary or (os.isatty(STDERR) and not line.quiet)):
        return None
    from tcpconnect.summary import Summary, filters_of

    count, with_result = settings.count, settings.with_result or settings.tally
    return Summary(filters_of(line), count=count, with_result=with_result)


def _say_what_is_absent(settings: Settings) -> None:
    from tcpconnect.absent import notices

    for line in notices(settings):
        say(line)


def _allow_descriptors() -> None:
    """Raise the limit: each C library takes five or six, and containers have some.

    The command was forked before, so its limit is unchanged.
    """
    import resource

    with suppress(OSError):  # seccomp may refuse it: a shortage is reported later
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _command(line: CommandLine, output: int | None) -> Command:
    from tcpconnect.command import Command

    if line.changes.get("pids"):
        raise UsageError(messages.PID_WITH_COMMAND)
    return Command(line.command, output)


def _give_up_privileges(
    events: Trace,
    outputs: list[Output],
    command: Command | None,
    account: Account | None,
    *,
    quiet: bool,
) -> None:
    """Drop those that are not needed any more; the command keeps its own.

    Say who the tool is now where that is not a user of its own.
    """
    needed = events.needed_capabilities.union(*(o.needed_capabilities for o in outputs))
    if command:
        needed |= {"CAP_KILL"}  # it may belong to another user
    try:
        shared = keep_only(needed, account[1:] if account else None)
    except OSError as failure:
        reason = os.strerror(failure.errno or 0)
        say(messages.CANT_DROP_PRIVILEGES.line(reason=reason))
        return
    if shared and not quiet:
        say(messages.SHARED_USER.line())
    if account and not quiet:
        from tcpconnect import place_messages

        say(place_messages.RUNNING_AS.line(name=account.name))


def _show(
    events: Trace,
    outputs: list[Output],
    line: CommandLine,
    tables: Tables | None,
    command: Command | None,
    summary: Summary | None,
) -> None:
    """Write events to the outputs, and report losses; then the summary."""

    def ready() -> None:
        if summary:
            summary([])  # it begins
        if not line.quiet:
            write_line(messages.READY.line())
        if command:
            command.start()

    limited = line.limit and summary  # which counts what passes
    rows = not (tables or limited) and _make_rows(events, outputs, summary)
    batches: Iterable[Batch] = memory.settled(events.batches())
    stages: list[Stage] = []
    if tables:
        batches = tables.over(batches, summary)
    else:
        stages += [Limit(line.limit)] if line.limit else []
        stages += [summary] if summary and not rows else []

    def ending() -> tuple[Losses, list[int]]:
        losses = events.losses + tables.losses if tables else events.losses
        if not (tables and line.histogram):
            return losses, []
        return losses, tables.histogram(events.histogram())

    report = LossReport(quiet=line.quiet)
    flow(batches, stages, outputs, ready, ending, report)
    if summary:
        summary.report()


def _make_rows(events: Trace, outputs: list[Output], summary: Summary | None) -> bool:
    """Have no Connections made where nothing else than one format looks at them."""
    output = outputs[0]
    if len(outputs) > 1 or not takes_rows(output):
        return False
    rows = output.rows
    if rows is None or not events.make_rows(rows, summary):
        return False
    output.take_rows()
    return True


def flow(
    batches: Iterable[Batch],
    stages: Collection[Stage],
    outputs: Collection[Output],
    ready: Callable[[], None],
    ending: Callable[[], tuple[Losses, list[int]]],
    report: LossReport,
) -> None:
    """Write batches to outputs until source or stage end, or a reader is gone.

    ``ready`` is called with the first batch; ``ending`` returns losses and histogram of
    Totals; ``report`` says what was lost. Raises OutputError, after all are closed.
    """
    events, losses, histogram = 0, NO_LOSSES, list[int]()
    reported = True
    try:
        for number, each in enumerate(batches):
            batch = changed(each, stages)
            events, losses = events + len(batch.events), batch.losses
            report.update(batch, outputs)
            if not number:
                ready()
            _write(outputs, batch)
            if stages and any(stage.ended for stage in stages):
                break
        losses, histogram = ending()
    except ReaderGoneError:
        reported = False
    finally:
        watch(outputs)
        _close(outputs, Totals(events, losses, histogram=histogram))
    if reported:
        report.total(losses, outputs)


def _write(outputs: Collection[Output], batch: Batch) -> None:
    """Write a batch to all, even if one of them raises."""
    if len(outputs) == 1:  # for each batch a bit less
        (output,) = outputs
        output.write(batch)
    else:
        _each(iter(outputs), lambda output: output.write(batch))


def changed(batch: Batch, stages: Collection[Stage]) -> Batch:
    """Return a batch with its events as the stages change them."""
    if not stages:
        return batch
    events = batch.events
    for stage in stages:
        events = stage(events)
    return replace(batch, events=events)


def _close(outputs: Iterable[Output], totals: Totals) -> None:
    """Close all, even if one of them raises."""
    _each(iter(outputs), lambda output: _end(output, totals))


def _each(outputs: Iterator[Output], do: Callable[[Output], None]) -> None:
    """Do something with each; what one raises is the context of what others do."""
    for output in outputs:
        try:
            do(output)
        finally:
            _each(outputs, do)


def _end(output: Output, totals: Totals) -> None:
    with suppress(ReaderGoneError):
        output.close(totals)
