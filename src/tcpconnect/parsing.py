"""What argparse does not do by itself: unions, commands, and errors of our kind."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NoReturn

from tcpconnect import filters
from tcpconnect.errors import UsageError
from tcpconnect.output import STDOUT, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

COMMAND_MARK = "--"
MAX_NUMBER = 1_000_000_000
PIECE_WORDS = 100


def _without_terminal(prog: str) -> argparse.HelpFormatter:
    """Return what argparse checks options with, which need not know the width."""
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
    """An ArgumentParser that raises its errors, and writes as the tool writes.

    What follows ``--`` is a command with its arguments, and goes to ``command``.
    """

    def __init__(self, **given: Any) -> None:
        super().__init__(formatter_class=_without_terminal, **given)

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, _namespace: None = None
    ) -> argparse.Namespace:
        """Parse, with the command apart."""
        if args is None:
            import sys

            args = sys.argv[1:]
        ours, command = list(args), []
        if COMMAND_MARK in ours:
            at = ours.index(COMMAND_MARK)
            ours, command = ours[:at], ours[at + 1 :]
            if not command:
                self.error(f"no command after {COMMAND_MARK}")
        options, unknown = argparse.Namespace(), []
        for piece in _pieces(ours):
            options, more = self.parse_known_args(piece, options)
            unknown += more
        if unknown:
            message = f"unrecognized arguments: {' '.join(unknown)}"
            self.error(message)
        options.command = command
        return options

    def format_usage(self) -> str:
        """Return the usage, in the width of the terminal, with the command."""
        self._prepare()
        return super().format_usage()

    def format_help(self) -> str:
        """Return usage, options and examples."""
        self._prepare()
        return super().format_help()

    def _prepare(self) -> None:
        """Do for a text what takes time that no trace needs to spend."""
        if self.usage is None:
            self.formatter_class = argparse.RawDescriptionHelpFormatter
            indent = " " * len(f"usage: {self.prog} ")
            usage = super().format_usage().removeprefix("usage: ").rstrip()
            self.usage = f"{usage}\n{indent}[{COMMAND_MARK} COMMAND [ARGUMENT ...]]"

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        """Refuse ``--`` as a value: argparse before Python 3.13 loses it."""
        if arg_strings == [COMMAND_MARK]:
            raise argparse.ArgumentError(action, "expected one argument")
        return super()._get_values(action, arg_strings)

    def _print_message(self, message: str, _file: object = None) -> None:
        write(STDOUT, message.encode())

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(message, "", f"{self.prog} -h shows the options")


class Union(argparse.Action):
    """An option that may be given again: its values, which are sets, are united."""

    def __init__(self, **given: Any) -> None:
        super().__init__(default=frozenset(), **given)

    def __call__(
        self,
        _parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        _option: str | None = None,
    ) -> None:
        """Add the values of one occurrence."""
        united = getattr(namespace, self.dest)
        if united is self.default:
            united = set()
            setattr(namespace, self.dest, united)
        united.update(values)


class IpVersion(argparse.Action):
    """Stores its constant. Another one is refused, however far away that stands."""

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
        other = getattr(namespace, self.dest)
        if other not in {self.default, self.const}:
            reason = f"not allowed with argument -{other}/--ipv{other}"
            raise argparse.ArgumentError(self, reason)
        setattr(namespace, self.dest, self.const)


def _number(text: str, unit: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < MAX_NUMBER:  # false for NaN, too
        reason = f"more than 0, less than {MAX_NUMBER}"
        raise argparse.ArgumentTypeError(f"{text!r} is no number of {unit}, {reason}")
    return number


def seconds(text: str) -> float:
    """Parse a number of seconds. Raises ArgumentTypeError, as do the others."""
    return _number(text, "seconds")


def milliseconds(text: str) -> float:
    """Parse a number of milliseconds."""
    return _number(text, "milliseconds")


def count(text: str) -> int:
    """Parse a whole number above 0."""
    return filters.whole_number(text, "count", 1, MAX_NUMBER)
