"""parse(): the command line, parsed by the table of options."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from tcpconnect import __version__, messages
from tcpconnect.errors import UsageError
from tcpconnect.options import OPTIONS
from tcpconnect.options.option import HELP, HELP_ALL, VERSION, Option
from tcpconnect.output import STDOUT, write
from tcpconnect.words import joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tcpconnect.options.verbs import Verb

COMMAND_MARK, FILE_MARK = "--", "@"
PIECE_WORDS = 100
PROG = "tcpconnect"


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
    changes, rest = divide(vars(build_parser().parse_args(ours)))
    if command:
        changes.pop("follow", None)  # a command is always followed
    return CommandLine(changes=changes, command=command, words=ours, **rest)


def _expanded(words: list[str]) -> list[str]:
    """Return words with those of the files that are named before a command."""
    end = words.index(COMMAND_MARK) if COMMAND_MARK in words else len(words)
    if not any(word.startswith(FILE_MARK) for word in words[:end]):
        return words
    from tcpconnect.optionfile import words_of

    found: list[str] = []
    for word in words[:end]:
        named = word.startswith(FILE_MARK)
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


def build_parser(
    options: Sequence[Option] = OPTIONS, verb: Verb | None = None
) -> Parser:
    """Return the parser of options; options that are not given are not set."""
    parser = Parser(
        verb,
        prog=PROG,
        add_help=False,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    names = {option.group for option in options if option.group}
    groups = {name: parser.add_mutually_exclusive_group() for name in names}
    for option in options:
        groups.get(option.group, parser).add_argument(
            *option.flags,
            dest=option.member,
            help=option.help or argparse.SUPPRESS,
            **_action(option),
        )
    return parser


def _action(option: Option) -> dict[str, Any]:
    """Return the arguments of add_argument() for an option."""
    if option.member == HELP:
        return {"action": HELP}
    if option.member == HELP_ALL:
        return {"action": HelpAll}
    if option.member == VERSION:
        return {"action": VERSION, "version": f"{PROG} {__version__}"}
    if not option.value:
        action = Exclusive if option.group else "store_const"
        return {"action": action, "const": option.const}
    return {
        "action": Union if option.repeats else "store",
        "type": option.value.parse,
        "metavar": option.metavar,
    }


def _without_terminal(prog: str) -> argparse.HelpFormatter:
    """Return a formatter, with which argparse checks options, of a fixed width."""
    return argparse.HelpFormatter(prog, width=80)


def _pieces(words: list[str]) -> Iterator[list[str]]:
    """Yield words a piece at a time: for all of them argparse takes quadratic time.

    A piece begins with what argparse takes for an option, whatever stands before it.
    """
    begin = 0
    for end, word in enumerate(words):
        long_enough = end - begin >= PIECE_WORDS
        if long_enough and word.startswith("-") and word != "-" and " " not in word:
            yield words[begin:end]
            begin = end
    yield words[begin:]


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises its errors, and writes as the tool writes."""

    def __init__(self, verb: Verb | None = None, **given: Any) -> None:
        super().__init__(formatter_class=_without_terminal, **given)
        self._words: list[str] = []
        self.verb = verb

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str], _namespace: None = None
    ) -> argparse.Namespace:
        """Parse, in linear time."""
        options, unknown = self.parse_some(args)
        if unknown:
            self.refuse(unknown)
        return options

    def parse_some(self, args: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
        """Do the same; return what is no option, too."""
        self._words = [*joined(args)]
        options, unknown = argparse.Namespace(), list[str]()
        for piece in _pieces(self._words):
            options, more = self.parse_known_args(piece, options)
            unknown += more
        return options, unknown

    def refuse(self, words: Sequence[str]) -> NoReturn:
        """Raise UsageError for words that are neither options nor their values."""
        if self.verb:
            from tcpconnect.mistakes import refused_by

            raise refused_by(self.verb.name, words[0], self._option_string_actions)
        self.error(f"unrecognized arguments: {' '.join(words)}")

    def format_help(self) -> str:
        """Return the help of -h."""
        from tcpconnect.help import of_verb, short

        taken = self._option_string_actions
        return of_verb(self.verb, taken) if self.verb else short()

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        """Add the option to the error of its value.

        Refuse ``--``, too, which argparse before Python 3.13 drops.
        """
        if arg_strings == [COMMAND_MARK]:
            raise argparse.ArgumentError(action, "expected one argument")
        try:
            return super()._get_values(action, arg_strings)
        except UsageError as error:
            from tcpconnect.mistakes import remedy_for

            remedy = remedy_for(action.option_strings[0], arg_strings[0])
            raise UsageError(
                messages.OF_OPTION,
                option="/".join(action.option_strings),
                sentence=error.sentence,
                reason="" if remedy else error.reason,
                remedy=remedy or error.remedy or messages.SEE_HELP,
            ) from error

    def _print_message(self, message: str, _file: object = None) -> None:
        write(STDOUT, message.encode())

    def error(self, message: str) -> NoReturn:
        """Raise UsageError: for the first mistake, if there is one that we know."""
        from tcpconnect.mistakes import first_mistake

        mistake = None if self.verb else first_mistake(self._words)
        raise mistake or UsageError(messages.ARGPARSE, text=message)


class HelpAll(argparse.Action):
    """Writes the help of all options, and ends the process."""

    def __init__(self, **given: Any) -> None:
        super().__init__(nargs=0, **given)

    def __call__(self, parser: argparse.ArgumentParser, *_given: object) -> None:
        """Write it."""
        from tcpconnect.help import everything

        write(STDOUT, everything().encode())
        parser.exit()


class Union(argparse.Action):
    """An option that may be repeated: the union of its values, which are sets."""

    def __call__(
        self,
        _parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        _option: str | None = None,
    ) -> None:
        """Add the values of one occurrence."""
        united = getattr(namespace, self.dest, None)
        if united is None:
            united = set()
            setattr(namespace, self.dest, united)
        united.update(values)


class Exclusive(argparse.Action):
    """Stores its constant; refuses another one of the group, wherever it is."""

    def __init__(self, **given: Any) -> None:
        super().__init__(nargs=0, **given)

    def __call__(
        self,
        _parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        _values: Any,
        _option: str | None = None,
    ) -> None:
        """Store it."""
        stored = getattr(namespace, self.dest, self.const)
        if stored != self.const:
            (other,) = (
                "/".join(option.flags)
                for option in OPTIONS
                if (option.member, option.const) == (self.dest, stored)
            )
            raise argparse.ArgumentError(self, f"not allowed with argument {other}")
        setattr(namespace, self.dest, self.const)
