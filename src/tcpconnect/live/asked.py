"""What the words behind ``tcpconnect top`` ask for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec

from tcpconnect import top_messages
from tcpconnect.errors import UsageError
from tcpconnect.live.columns import Single
from tcpconnect.live.same import Source
from tcpconnect.options import OPTIONS
from tcpconnect.options.names import NAMES
from tcpconnect.options.run import RUN
from tcpconnect.options.top import TOP
from tcpconnect.options.verbs import verb_named
from tcpconnect.parsing import CommandLine, parse_verb
from tcpconnect.settings import FILTERED, Settings
from tcpconnect.sources.opened import name_of
from tcpconnect.words import COMMAND_MARK, flags_of, given

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from tcpconnect.options.option import Option
    from tcpconnect.options.verbs import Verb

# What a row shows.
COLUMNS = (
    "time pid comm daddr dport latency_ms result why query exe cmdline container unit "
    "pod event"
).split()
IMPLIED: dict[str, Any] = {"result": True, "why": True, "dns": True}
# How to trace: of what was recorded nobody can change it.
OF_TRACES = {option.member for option in (*NAMES, *RUN)}.difference(
    IMPLIED, FILTERED, {"verbose"}
)
# What single attempts, which a frame has not, are shown with.
SINGLE = ("timestamp", "clock", "print_uid", "lport", "color")
OWN = {option.member for option in TOP} | {"verbose"}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asks for; ``file`` is that of a recording.

    ``named`` are its options that decide what is shown, with their words.
    """

    changes: dict[str, Any]
    command: list[str]
    named: list[tuple[Option, list[str]]]
    file: str | None = None
    interval: int = 1
    once: bool = False
    timestamp: bool = False
    clock: bool = False
    print_uid: bool = False
    color: str = "auto"
    limit: int | None = None
    summary: bool = False
    quiet: bool = False

    @property
    def line(self) -> CommandLine:
        """The same for a trace; what it says at its start must not come at its end."""
        return CommandLine(
            changes=self.changes,
            command=self.command,
            words=self.options,
            limit=self.limit,
            summary=self.summary,
            quiet=self.quiet or not self.once,
        )

    @property
    def single(self) -> Single:
        """What is shown of single attempts."""
        lport = self.settings.lport
        return Single(self.clock, self.timestamp, self.print_uid, lport)

    @property
    def options(self) -> list[str]:
        """The words of its options."""
        return [word for _, words in self.named for word in words]

    @property
    def source(self) -> Source:
        """What another command shows, too."""
        return Source(self.named, self.command, self.file)

    @property
    def settings(self) -> Settings:
        """What to trace, and to show."""
        changes = dict(self.changes)
        if self.once and not self.command:
            changes.setdefault("duration", self.interval)
        more = ["uid"] * self.print_uid + ["lport"] * bool(changes.get("lport"))
        return Settings(**{**changes, **IMPLIED}, columns=COLUMNS + more)


def asked_by(words: Sequence[str]) -> Asked:
    """Parse the words behind the verb. Raises UsageError."""
    verb = verb_named("top")
    line = parse_verb(verb, words)
    asked = Asked(
        changes=line.changes,
        command=line.command,
        named=[
            (option, each)
            for option, each in given(line.words, flags_of(verb.taken))
            if option.member not in OWN
        ],
        file=line.files[0] if line.files else None,
        **line.given,
    )
    _check_once(asked, {*line.changes, *line.given})
    if asked.file is not None:
        _check_exists(verb, asked.file)
        _check_recorded(asked, asked.file)
    return asked


def _check_once(asked: Asked, members: Collection[str]) -> None:
    """Refuse what only the screen can do, or only a frame."""
    if asked.once:
        for flag in _flags({*SINGLE}.intersection(members)):
            raise UsageError(top_messages.NOT_ONCE, option=flag)
    elif asked.quiet:
        raise UsageError(top_messages.QUIET_SCREEN)


def _check_exists(verb: Verb, word: str) -> None:
    """Refuse a plain word that is no file: ``nginx`` and ``443`` are other mistakes."""
    if word.isalnum() and not os.path.lexists(word):
        from tcpconnect.mistakes import Mistakes

        raise Mistakes(verb).unexpected([word])


def _check_recorded(asked: Asked, file: str) -> None:
    """Refuse what can't be asked of a recording."""
    from tcpconnect.recorded_filters import RecordedFilters

    of_traces = [*_flags(asked.changes.keys() & OF_TRACES)]
    if asked.command:
        of_traces.append(COMMAND_MARK)
    for what in of_traces:
        raise UsageError(top_messages.OF_TRACES, name=name_of(file), option=what)
    RecordedFilters(asked.settings)


def _flags(members: Collection[str]) -> Iterator[str]:
    for option in OPTIONS:
        if option.member in members:
            yield option.flags[-1]
