"""``tcpconnect top``: a live view of who connects, or one frame of it."""

from __future__ import annotations

import os
import shutil
from functools import partial
from typing import TYPE_CHECKING

from tcpconnect import top_messages
from tcpconnect.errors import UsageError
from tcpconnect.failure import explain
from tcpconnect.live.asked import Asked, asked_by
from tcpconnect.live.stream import MAX_TEXT, Begin
from tcpconnect.machine.hostname import host_name
from tcpconnect.output import STDOUT
from tcpconnect.progress import Progress
from tcpconnect.sources.opened import STDIN, open_recording
from tcpconnect.words import COMMAND_MARK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tcpconnect.batch import Batch, Output, Stage
    from tcpconnect.live.processes import Others
    from tcpconnect.live.tail import Tail
    from tcpconnect.sources.recording import Recording

WIDE = 120  # cells of a frame that goes to no terminal


def run(words: Sequence[str]) -> int:
    """Show what the words ask for; return the exit code."""
    asked = asked_by(words)
    if asked.file == STDIN and os.isatty(0):
        raise UsageError(top_messages.NOTHING_PIPED)
    if asked.once:
        return _once(asked)
    from importlib.util import find_spec

    if find_spec("textual") is None:
        from tcpconnect.extras import installer

        raise UsageError(top_messages.NO_TEXTUAL, installer=installer())
    from tcpconnect.live.processes import show
    from tcpconnect.live.terminal import missing

    if not (asked.command or os.isatty(STDOUT)):
        raise missing("stdout is none")

    return show(
        lambda *given: _trace_for_screen(asked, *given),
        lambda *given: _painted(asked, *given),
        reads_stdin=asked.file == STDIN,
    )


def _trace_for_screen(
    asked: Asked, ticks: int, printed: int, gone: Callable[[], None]
) -> int:
    """Be the tracer; return the exit code."""
    from tcpconnect.live.sender import Sender

    code = 0
    try:
        if asked.file is None:
            sender = Sender(ticks, lambda: about_trace(asked), gone, whole=False)
            code = trace(asked, sender, printed)
        else:
            with open_recording(asked.file) as source:
                source.stop_with(ticks)
                about = partial(about_recording, source, asked)
                sender = Sender(ticks, about, gone, whole=source.whole)
                replay(source, asked, sender)
        sender.end()
    except Exception as error:  # noqa: BLE001 (main() is in the other process)
        return explain(error, verbose=bool(asked.changes.get("verbose")))
    return code


def _painted(
    asked: Asked, ticks: int, others: Others, printed: Tail
) -> Callable[[], bool]:
    """Return what runs the screen; all is imported."""
    from tcpconnect.color import is_colored
    from tcpconnect.live.board import Board
    from tcpconnect.live.model import Model
    from tcpconnect.live.screen import Screen
    from tcpconnect.live.state import State

    state = State(Model(asked.interval), asked.single.columns)
    board = Board(state, asked.source, printed)
    colored = is_colored(asked.color, STDOUT)
    return Screen(board, ticks, others, colored=colored).run_to_end


def _once(asked: Asked) -> int:
    from tcpconnect.live.sender import Once

    how = shutil.get_terminal_size((WIDE, 0)).columns, float(asked.interval)
    if asked.file is None:
        once = Once(lambda: about_trace(asked), *how, whole=False)
        code = trace(asked, once)
        once.show()
        return code
    with open_recording(asked.file) as source:
        about = partial(about_recording, source, asked)
        once = Once(about, *how, whole=source.whole)
        with Progress(lambda: source.share, quiet=not source.whole) as progress:
            if source.whole:
                progress.end_at_interrupt()
            replay(source, asked, once, progress.update)
        once.show()
    return 0


def trace(asked: Asked, output: Output, command_output: int | None = None) -> int:
    """Trace to an output; return the exit code."""
    from tcpconnect.pipeline import trace_to

    output.open()
    return trace_to([output], asked.line, asked.settings, command_output=command_output)


def replay(
    source: Recording,
    asked: Asked,
    output: Output,
    reading: Callable[[], None] = lambda: None,
) -> None:
    """Read what passes the filters to an output. Raises TcpconnectError.

    ``reading`` is called again and again.
    """
    from tcpconnect.batch import NO_LOSSES
    from tcpconnect.lossreport import LossReport
    from tcpconnect.pipeline import flow
    from tcpconnect.recorded_filters import RecordedFilters
    from tcpconnect.stages import Limit
    from tcpconnect.summary import Summary, filters_of

    output.open()
    stages: list[Stage] = [RecordedFilters(asked.settings)]
    stages += [Limit(asked.limit)] if asked.limit else []
    summary = Summary(filters_of(asked.line), count=False, with_result=True)
    stages += [summary] if asked.summary else []
    nothing = NO_LOSSES, list[int]()

    def batches() -> Iterator[Batch]:
        for batch in source.batches():
            reading()
            yield batch

    flow(batches(), stages, [output], lambda: None, lambda: nothing, LossReport())
    if asked.summary:
        summary.report()


def about_trace(asked: Asked) -> Begin:
    """Return where attempts come from: this machine."""
    command = [COMMAND_MARK, *asked.command] if asked.command else []
    return _begin(host_name(), asked.options + command)


def about_recording(source: Recording, asked: Asked) -> Begin:
    """Return where the attempts of a recording come from: a host, else the file.

    Behind the options of the trace, and a bar, are those that filter it.
    """
    about = source.about
    host, words = (about.host, about.options) if about else ("", [])
    if not host and asked.file:
        host = "stdin" if asked.file == STDIN else os.path.basename(asked.file)
    filters = [asked.options] if asked.options else []
    begin = _begin(host, words, *filters)
    if source.whole:
        begin.whole, begin.percent = True, int(100 * source.share)
    return begin


def _begin(host: str, *words: Sequence[str]) -> Begin:
    from shlex import join

    options = " | ".join(map(join, words)).lstrip()
    return Begin(host[:MAX_TEXT], options[:MAX_TEXT])
