"""``tcpconnect replay``: recordings, shown as if they were traced."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tcpconnect import __version__, messages, recorded_messages
from tcpconnect.errors import UsageError
from tcpconnect.lossreport import LossReport
from tcpconnect.machine.capabilities import keep_only
from tcpconnect.options.verbs import verb_named
from tcpconnect.output import STDOUT, STDOUT_NAME, say, write
from tcpconnect.outputs.opening import open_outputs, terms_of
from tcpconnect.parsing import CommandLine, parse_verb
from tcpconnect.pipeline import changed, flow
from tcpconnect.progress import Progress
from tcpconnect.recorded import SCHEMA, About
from tcpconnect.recorded_filters import RecordedFilters, Unanswered, refuse_live
from tcpconnect.recorded_stages import Asked, FromFirst, intervals, windows
from tcpconnect.schemes import PROMETHEUS, SQLITE, scheme_of
from tcpconnect.signals import end_watch, stop_at_signals
from tcpconnect.sources.opened import Recordings
from tcpconnect.stages import Limit
from tcpconnect.view import View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tcpconnect.batch import Batch, Losses, Output, Stage
    from tcpconnect.connection import Connection
    from tcpconnect.machine.account import Account
    from tcpconnect.outputs.sqlite import Sqlite
    from tcpconnect.summary import Summary

VERB = "replay"
WINDOW_S = 10  # of a history


def run(words: Sequence[str]) -> int:
    """Show what the words ask for; return the exit code."""
    asked = parse_verb(verb_named(VERB), words)
    if asked.command:
        raise UsageError(recorded_messages.COMMAND_OF_RECORDING)
    refuse_live(asked.changes)
    for place in asked.given.get("outputs", ()):
        if scheme_of(place)[0] == PROMETHEUS:
            raise UsageError(recorded_messages.METRICS_OF_RECORDING)
    line = CommandLine(
        changes=asked.changes, command=[], words=asked.words, **asked.given
    )
    if line.columns == ["help"]:
        from tcpconnect.info import columns_help

        write(STDOUT, columns_help(count=line.count).encode())
        return 0
    if not asked.files:
        raise UsageError(recorded_messages.NO_RECORDING)
    replay = Replay(line)
    with Recordings(asked.files) as source:
        replay.run(source)
    return 0


class Replay:
    """What happens to recordings. Raises UsageError for what none can answer."""

    def __init__(self, line: CommandLine) -> None:
        self._line = line
        self._view = view = View(line, recorded=True)
        self._filters = RecordedFilters(view.settings)
        self._unanswered = Unanswered(view.settings)
        self._tables = view.counting.tables() if view.counting else None
        displays = view.displays.values()
        # A recording of a recording keeps what that has.
        keeps = any(display.recorded for display in displays)
        self._asked = None if keeps else Asked(view.settings)
        shown = {column.name for display in displays for column in display.columns}
        self._from_first = "elapsed_s" in shown and not keeps
        self._about = About(
            version=__version__, host="", options=line.words, schema=SCHEMA
        )
        self._now = 0.0  # the time that has been read
        self._made: object = None  # what is read, and by whom it was recorded
        self._histories: list[Sqlite] = []
        self._summary = self._summary_of(line)

    def _summary_of(self, line: CommandLine) -> Summary | None:
        if not line.summary:
            return None
        from tcpconnect.summary import Summary, filters_of

        return Summary(filters_of(line), now=lambda: self._now)

    def run(self, source: Recordings) -> None:
        """Read them to the end, as a user without privileges."""
        line = self._line
        source.refuse(STDOUT, line.outputs - {STDOUT_NAME})
        with ExitStack() as stack:
            stack.callback(end_watch)
            terms = terms_of(self._view.displays, line.spool)
            outputs = open_outputs(line, self._view, terms, self._about)
            self._histories = _histories_of(outputs) if terms else []
            for output in outputs:
                source.stop_with(output.fd)
            # Lines on a terminal are progress enough, and would be mixed with ours.
            lines = any(os.isatty(output.fd) for output in outputs)
            silent = line.quiet or (lines and not self._counts_once)
            progress = stack.enter_context(Progress(lambda: source.share, quiet=silent))
            if source.whole:
                progress.end_at_interrupt()
            else:
                stop_at_signals(source, outputs)
            _give_up_privileges(terms.account if terms else None)
            self._show(source, outputs, progress)
        for warning in self._unanswered.warnings():
            say(warning)
        if self._summary:
            self._summary.report()
        if self._asked and self._asked.left_out and not line.quiet:
            say(recorded_messages.LEFT_OUT.line(n=self._asked.left_out))

    def _show(
        self, source: Recordings, outputs: list[Output], progress: Progress
    ) -> None:
        batches: Iterable[Batch] = self._passed(source, progress)
        stages: list[Stage] = []
        if any(shown.format == SQLITE for shown in self._view.displays.values()):
            batches = windows(batches, WINDOW_S, lambda: self._made)
        if tables := self._tables:
            if seconds := self._line.changes.get("interval_s"):
                batches = intervals(batches, seconds)
            batches = tables.over(batches, self._summary)
        else:
            stages += [Limit(self._line.limit)] if self._line.limit else []
            stages += [FromFirst()] if self._from_first else []
            stages += [self._summary] if self._summary else []

        def ending() -> tuple[Losses, list[int]]:
            if not tables:
                return source.losses, []
            histogram = tables.histogram([]) if self._line.histogram else []
            return source.losses + tables.losses, histogram

        report = LossReport(quiet=self._line.quiet)
        flow(batches, stages, outputs, lambda: None, ending, report)

    def _passed(self, source: Recordings, progress: Progress) -> Iterator[Batch]:
        """Yield the batches of what passes the filters."""
        stages: list[Stage] = [self._filters]
        stages += [self._asked] if self._asked else []
        for batch in source.batches():
            progress.update()
            self._note_host(source)
            if batch.events:
                self._read_until(batch.events)
                self._unanswered.look(batch.events)
            if batch.events or batch.warnings or not source.whole:
                yield changed(batch, stages)
        progress.erase()

    @property
    def _counts_once(self) -> bool:
        """Whether all lines come at the end: those of one table."""
        return bool(self._tables) and not self._line.changes.get("interval_s")

    def _note_host(self, source: Recordings) -> None:
        """Have outputs know where another recording was made."""
        if self._made is not (made := source.about or source.current):
            self._made = made
            self._about.host = source.about.host if source.about else ""
            for history in self._histories:
                history.recorded_by(self._about.host)

    def _read_until(self, events: list[Connection]) -> None:
        """Have the summary count the time that passed when it was recorded."""
        if self._summary and not self._now:
            self._now = events[0].time / 1e9
            self._summary([])
        self._now = max(self._now, events[-1].time / 1e9)


def _histories_of(outputs: Iterable[Output]) -> list[Sqlite]:
    from tcpconnect.outputs.sqlite import Sqlite

    return [output for output in outputs if isinstance(output, Sqlite)]


def _give_up_privileges(account: Account | None) -> None:
    """Drop all: nothing but open files, and histories of an account, is written."""
    try:
        keep_only((), account[1:] if account else None)
    except OSError as failure:
        reason = os.strerror(failure.errno or 0)
        say(messages.CANT_DROP_PRIVILEGES.line(reason=reason))
