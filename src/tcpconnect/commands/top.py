"""``tcpconnect top``: a live view of who connects, or one frame of it."""

from __future__ import annotations

import os
import shutil
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from tcpconnect import top_messages
from tcpconnect.errors import UsageError
from tcpconnect.failure import explain
from tcpconnect.live.stream import MAX_TEXT, Begin
from tcpconnect.options.verbs import verb_named
from tcpconnect.parsing import CommandLine, parse_verb
from tcpconnect.settings import Settings
from tcpconnect.sources.opened import STDIN, name_of, open_recording
from tcpconnect.words import COMMAND_MARK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tcpconnect.batch import Output
    from tcpconnect.live.kept import Kept
    from tcpconnect.live.processes import Others
    from tcpconnect.sources.recording import Recording

# What a row shows.
COLUMNS = (
    "time pid comm daddr dport latency_ms result why query exe cmdline container unit "
    "pod event"
)
IMPLIED: dict[str, Any] = {"result": True, "why": True, "dns": True}
WIDE = 120  # cells of a frame that goes to no terminal


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asks for; ``file`` is that of a recording."""

    changes: dict[str, Any]
    command: list[str]
    words: list[str]
    file: str | None = None
    interval: int = 1
    once: bool = False

    @property
    def line(self) -> CommandLine:
        """The same for a trace."""
        changes, command, words = self.changes, self.command, self.words
        return CommandLine(changes=changes, command=command, words=words)

    @property
    def traced(self) -> list[str] | None:
        """The words of tcpconnect that are the same, None for what is recorded."""
        if self.file is not None:
            return None
        behind = [COMMAND_MARK, *self.command] if self.command else []
        return [*without_own(self.words), *behind]

    @property
    def settings(self) -> Settings:
        """What to trace."""
        changes = dict(self.changes)
        if self.once and not self.command:
            changes.setdefault("duration", self.interval)
        return Settings(**{**changes, **IMPLIED}, columns=COLUMNS.split())


def asked_by(words: Sequence[str]) -> Asked:
    """Parse the words behind the verb. Raises UsageError."""
    asked = parse_verb(verb_named("top"), words)
    file = asked.files[0] if asked.files else None
    changes, command = asked.changes, asked.command
    if file is not None and (command or changes.keys() - {"verbose"}):
        raise UsageError(top_messages.RECORDED_AS_IT_IS, name=name_of(file))
    return Asked(
        changes=changes, command=command, words=asked.words, file=file, **asked.given
    )


def without_own(words: Sequence[str]) -> list[str]:
    """Return words without the options that only this verb has."""
    left, rest = [], iter(words)
    for word in rest:
        if not word.startswith(("-i", "--interval", "--once")):
            left.append(word)
        elif word in {"-i", "--interval"}:
            next(rest, None)
    return left


def run(words: Sequence[str]) -> int:
    """Show what the words ask for; return the exit code."""
    asked = asked_by(words)
    if asked.once:
        return _once(asked)
    from importlib.util import find_spec

    if find_spec("textual") is None:
        raise UsageError(top_messages.NO_TEXTUAL, python=sys.executable)
    from tcpconnect.live.processes import show

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
                about = partial(about_recording, source)
                sender = Sender(ticks, about, gone, whole=source.whole)
                replay(source, sender)
        sender.end()
    except Exception as error:  # noqa: BLE001 (main() is in the other process)
        return explain(error, verbose=bool(asked.changes.get("verbose")))
    return code


def _painted(
    asked: Asked, ticks: int, others: Others, printed: Kept
) -> Callable[[], bool]:
    """Return what runs the screen; all is imported."""
    from tcpconnect.live.board import Board
    from tcpconnect.live.model import Model
    from tcpconnect.live.screen import Screen

    board = Board(Model(asked.interval), asked.traced, printed)
    return Screen(board, ticks, others).run_to_end


def _once(asked: Asked) -> int:
    from tcpconnect.live.sender import Once

    how = shutil.get_terminal_size((WIDE, 0)).columns, float(asked.interval)
    if asked.file is None:
        once = Once(lambda: about_trace(asked), *how, whole=False)
        code = trace(asked, once)
        once.show()
        return code
    with open_recording(asked.file) as source:
        once = Once(lambda: about_recording(source), *how, whole=source.whole)
        replay(source, once)
        once.show()
    return 0


def trace(asked: Asked, output: Output, command_output: int | None = None) -> int:
    """Trace to an output; return the exit code."""
    from tcpconnect.pipeline import trace_to

    output.open()
    return trace_to([output], asked.line, asked.settings, command_output=command_output)


def replay(source: Recording, output: Output) -> None:
    """Read a recording to an output. Raises TcpconnectError."""
    from tcpconnect.batch import NO_LOSSES
    from tcpconnect.lossreport import LossReport
    from tcpconnect.pipeline import flow

    output.open()
    nothing = NO_LOSSES, list[int]()
    flow(source.batches(), [], [output], lambda: None, lambda: nothing, LossReport())


def about_trace(asked: Asked) -> Begin:
    """Return where attempts come from: this machine."""
    return _begin(os.uname().nodename, asked.words)


def about_recording(source: Recording) -> Begin:
    """Return where the attempts of a recording come from, as far as is known."""
    about = source.about
    whole = source.whole
    if not about:
        return Begin("", "", whole)
    return _begin(about.host, about.options, whole=whole)


def _begin(host: str, words: Sequence[str], *, whole: bool = False) -> Begin:
    from shlex import join

    return Begin(host[:MAX_TEXT], join(words)[:MAX_TEXT], whole)
