"""The parser, made of the table of options: the only module that knows argparse."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NoReturn

from tcpconnect import messages
from tcpconnect.ending import PROG, end
from tcpconnect.errors import UsageError
from tcpconnect.options import OPTIONS
from tcpconnect.options.option import ENDING, Option
from tcpconnect.words import COMMAND_MARK, SPELLED, flags_of, joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tcpconnect.options.verbs import Verb

PIECE_WORDS = 100


def build_parser(verb: Verb | None = None) -> Parser:
    """Return the parser of a trace or a verb; what is not given is not set."""
    options = verb.taken if verb else OPTIONS
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
    if option.member in ENDING:
        return {"action": Ending}
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
    for at, word in enumerate(words):
        long_enough = at - begin >= PIECE_WORDS
        if long_enough and word.startswith("-") and word != "-" and " " not in word:
            yield words[begin:at]
            begin = at
    yield words[begin:]


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises its errors, and writes as the tool writes."""

    def __init__(self, verb: Verb | None = None, **given: Any) -> None:
        super().__init__(formatter_class=_without_terminal, **given)
        self._words: list[str] = []
        self._given = set[str]()
        self.verb = verb
        self._valued = flags_of(verb.taken if verb else OPTIONS)

    def parse_some(self, args: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
        """Parse, in linear time; return what is no option, too."""
        self._given = {word.partition("=")[0] for word in args}
        self._words = [*joined(args, self._valued)]
        options, unknown = argparse.Namespace(), list[str]()
        for piece in _pieces(self._words):
            options, more = self.parse_known_args(piece, options)
            unknown += more
        return options, unknown

    def refuse(self, words: Sequence[str]) -> NoReturn:
        """Raise UsageError for words that are neither options nor their values."""
        self.error(f"unrecognized arguments: {' '.join(words)}")

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        """Add the option to the error of its value.

        Refuse ``--``, too, which argparse before Python 3.13 drops.
        """
        if arg_strings == [COMMAND_MARK]:
            raise argparse.ArgumentError(action, "expected one argument")
        try:
            return super()._get_values(action, arg_strings)
        except UsageError as error:
            from tcpconnect.mistakes import Mistakes

            mistakes = Mistakes(self.verb)
            remedy = mistakes.remedy_for(action.option_strings[0], arg_strings[0])
            raise UsageError(
                messages.OF_OPTION,
                option="/".join(self._typed(action)),
                sentence=error.sentence,
                reason="" if remedy else error.reason,
                remedy=remedy or error.remedy or mistakes.see,
            ) from error

    def _typed(self, action: argparse.Action) -> Sequence[str]:
        """Return the names of an option: what was typed where that is another one."""
        names, given = action.option_strings, self._given
        spelled = [
            typed
            for typed, name in SPELLED.items()
            if name in names and typed in given and name not in given
        ]
        return spelled or names

    def error(self, message: str) -> NoReturn:
        """Raise UsageError: for the first mistake, if there is one that we know."""
        from tcpconnect.mistakes import Mistakes

        mistakes = Mistakes(self.verb)
        raise mistakes.first(self._words) or UsageError(
            messages.ARGPARSE, text=message, remedy=mistakes.see
        )


class Ending(argparse.Action):
    """Prints what its option is for, and ends the process."""

    def __init__(self, **given: Any) -> None:
        super().__init__(nargs=0, **given)

    def __call__(self, parser: argparse.ArgumentParser, *_given: object) -> None:
        """Do it."""
        end(self.dest, parser.verb if isinstance(parser, Parser) else None)


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
