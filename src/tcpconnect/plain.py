"""Options that are written plainly, as nearly always, read without argparse.

It takes milliseconds until argparse is imported and knows all options.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcpconnect.errors import UsageError
from tcpconnect.options.option import ENDING
from tcpconnect.words import COMMAND_MARK, joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tcpconnect.options.option import Option


class _NotPlainError(Exception):
    """This is for argparse."""


def read(
    words: Sequence[str], flags: Mapping[str, Option]
) -> tuple[dict[str, Any], list[str]] | None:
    """Return the members that options set, and the words that are neither.

    None where a word is unusual or wrong: argparse says the same, or what is wrong.
    """
    given: dict[str, Any] = {}
    groups: dict[str, Option] = {}
    rest: list[str] = []
    left = joined(words, flags)
    try:
        for word in left:
            if word[:1] != "-" or word == "-":
                rest.append(word)
                continue
            for option, text in _options(word, flags):
                if option.group and groups.setdefault(option.group, option) != option:
                    return None
                if option.value and not text:
                    _set(given, option, _value(next(left, COMMAND_MARK)))
                else:
                    _set(given, option, text)
    except (_NotPlainError, UsageError, ValueError, TypeError):
        return None
    return given, rest


def _value(word: str) -> str:
    if word[:1] == "-" != word:
        raise _NotPlainError
    return word


def _options(word: str, flags: Mapping[str, Option]) -> Iterator[tuple[Option, str]]:
    """Yield the options in a word, and what it has of their values."""
    if word.startswith("--"):
        name, equals, text = word.partition("=")
        option = flags.get(name)
        if not option or (equals and not (text and option.value)):
            raise _NotPlainError
        yield option, text
        return
    if "=" in word or " " in word:  # versions of argparse differ
        raise _NotPlainError
    for at, letter in enumerate(word[1:], 2):
        option = flags.get(f"-{letter}")
        if not option:
            raise _NotPlainError
        yield option, word[at:] if option.value else ""
        if option.value:
            return


def _set(given: dict[str, Any], option: Option, text: str) -> None:
    if option.member in ENDING or text == COMMAND_MARK:
        raise _NotPlainError
    if not option.value:
        given[option.member] = option.const
    elif option.repeats:
        given.setdefault(option.member, set()).update(option.value.parse(text))
    else:
        given[option.member] = option.value.parse(text)
