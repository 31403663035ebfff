"""parse(): the command line, parsed by the table of options."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import msgspec

from tcpconnect import messages
from tcpconnect.errors import UsageError
from tcpconnect.words import COMMAND_MARK, TIMES, flags_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tcpconnect.options.verbs import Verb

FILE_MARK = "@"


class CommandLine(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asks for.

    ``changes`` are the members of Settings that it gives; the others say what to print,
    where and how much. ``words`` are all before ``--``, with those of files;
    ``command`` is what follows it.
    """

    changes: dict[str, Any]
    command: list[str]
    words: list[str] = []
    timestamp: bool = False
    clock: bool = False
    print_uid: bool = False
    histogram: bool = False
    format: str | None = None
    json: bool = False
    color: str = "auto"
    wide: bool = False
    outputs: frozenset[str] = frozenset()
    rotate: int | None = None
    keep_files: int | None = None
    spool: str | None = None
    max_spool: int | None = None
    max_series: int | None = None
    create: bool = False
    summary: bool = False
    quiet: bool = False
    schema: bool = False
    by: tuple[str, ...] = ()
    sort: str = ""
    clear: bool = False
    limit: int | None = None
    check: bool = False

    @property
    def count(self) -> bool:
        """Whether flows are counted."""
        return bool(self.changes.get("count"))

    @property
    def columns(self) -> list[str] | None:
        """The names of columns, if they are given."""
        return self.changes.get("columns")

    @property
    def verbose(self) -> bool:
        """Whether tracebacks are shown."""
        return bool(self.changes.get("verbose"))


def parse(words: Sequence[str] | None = None) -> CommandLine:
    """Parse these words, or the arguments of this process. Raises UsageError.

    Ends the process after ``-h`` and ``--version``.
    """
    ours, command = split(sys.argv[1:] if words is None else words)
    given, _ = _read(ours)
    changes, rest = divide(given)
    if command:
        changes.pop("follow", None)  # a command is always followed
    return CommandLine(changes=changes, command=command, words=ours, **rest)


class VerbLine(msgspec.Struct, frozen=True, kw_only=True):
    """What the words behind a verb ask for; ``given`` is what is not of Settings."""

    changes: dict[str, Any]
    given: dict[str, Any]
    files: list[str]
    command: list[str]
    words: list[str]


def parse_verb(verb: Verb, words: Sequence[str]) -> VerbLine:
    """Parse the words behind a verb. Raises UsageError."""
    ours, command = split(words)
    options, rest = _read(ours, verb)
    changes, given = divide(options)
    if command:
        changes.pop("follow", None)  # a command is always followed
    return VerbLine(
        changes=changes, given=given, files=rest, command=command, words=ours
    )


def _read(
    words: list[str], verb: Verb | None = None
) -> tuple[dict[str, Any], list[str]]:
    """Return the members that options set, and files, of a trace or a verb."""
    if not words:  # nor is the table of options needed
        return {}, []
    from tcpconnect.options import OPTIONS
    from tcpconnect.options.option import ENDING
    from tcpconnect.plain import read

    flags = flags_of(verb.taken if verb else OPTIONS)
    files = verb.files if verb else 0
    if len(words) == 1 and words[0] in flags and flags[words[0]].member in ENDING:
        from tcpconnect.ending import end

        end(flags[words[0]].member, verb)
    found = read(words, flags)
    if found and len(found[1]) <= files:
        return found
    from tcpconnect.parser import build_parser

    parser = build_parser(verb)
    options, rest = parser.parse_some(words)
    if len(rest) > files or any(word[:1] == "-" != word for word in rest):
        parser.refuse(rest)
    return vars(options), rest


def _expanded(words: list[str]) -> list[str]:
    """Return words with those of the files that are named before a command."""
    end = words.index(COMMAND_MARK) if COMMAND_MARK in words else len(words)
    if not any(word.startswith(FILE_MARK) for word in words[:end]):
        return words
    from tcpconnect.optionfile import words_of

    found: list[str] = []
    for before, word in zip(["", *words], words[:end], strict=False):
        # In a time, @ is before seconds since the epoch.
        named = word.startswith(FILE_MARK) and before not in TIMES
        found += words_of(word.removeprefix(FILE_MARK)) if named else [word]
    return found + words[end:]


def split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the words before ``--``, and the command. Raises UsageError."""
    ours = _expanded(list(words))
    if COMMAND_MARK not in ours:
        return ours, []
    at = ours.index(COMMAND_MARK)
    if not ours[at + 1 :]:
        raise UsageError(messages.NO_COMMAND)
    return ours[:at], ours[at + 1 :]


def divide(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the members of Settings, and the others."""
    from tcpconnect.settings import Settings  # -h does not need it

    changes = {
        name: given[name] for name in Settings.__struct_fields__ if name in given
    }
    return changes, {name: x for name, x in given.items() if name not in changes}
