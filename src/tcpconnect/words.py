"""Words of the command line, with each value that begins with ``-`` at its option."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tcpconnect.options.option import Option

COMMAND_MARK = "--"
TIMES = ("--since", "--until")
RESULT, RESULTS = "--result", "--results"
# A value makes it another option.
WITH_VALUE = {"--failing": "--failing-of"}
# What is typed: the option that the parser gets for it.
SPELLED = {RESULT: RESULTS, **WITH_VALUE}


def flags_of(options: Iterable[Option]) -> dict[str, Option]:
    """Return options by each of their names."""
    return {flag: option for option in options for flag in option.flags}


def joined(words: Sequence[str], flags: Mapping[str, Option]) -> Iterator[str]:
    """Yield words; ``--comm -bash`` as ``--comm=-bash``, ``-p -5`` as ``-p-5``.

    argparse takes no value that begins with ``-`` from the next word. A word that is
    an option stays one.
    """
    if RESULTS in flags:
        words = list(_with_results(words))
    if not flags.keys().isdisjoint(WITH_VALUE):
        words = list(_with_value(words))
    held = ""  # an option that wants a value
    for word in words:
        if held and _is_dashed_value(word, flags):
            yield f"{held}={word}" if held.startswith("--") else held + word
            held = ""
            continue
        if held:
            yield held
        held = word if wants_value(word, flags) else ""
        if not held:
            yield word
    if held:
        yield held


def _with_results(words: Sequence[str]) -> Iterator[str]:
    """Yield words; ``--result`` is ``--results`` where a value follows."""
    for word, after in pairwise([*words, "-"]):
        option, equals, value = word.partition("=")
        valued = equals or (after and not after.startswith("-"))
        yield f"{RESULTS}{equals}{value}" if option == RESULT and valued else word


def _with_value(words: Sequence[str]) -> Iterator[str]:
    """Yield words; ``--failing 20`` is another option than ``--failing``."""
    for word, after in pairwise([*words, ""]):
        option, equals, value = word.partition("=")
        valued = option in WITH_VALUE and (equals or after.isdigit())
        yield f"{WITH_VALUE[option]}{equals}{value}" if valued else word


def _is_dashed_value(word: str, flags: Mapping[str, Option]) -> bool:
    is_option = word.partition("=")[0] in flags
    return word.startswith("-") and word != "-" and not is_option


def wants_value(word: str, flags: Mapping[str, Option]) -> bool:
    """Whether an option takes the next word as its value."""
    if word.startswith("--") or not word.startswith("-"):
        return word in flags and flags[word].value is not None
    for at, letter in enumerate(word[1:], 1):
        option = flags.get(f"-{letter}")
        if not option:
            return False
        if option.value:  # it takes what follows
            return at == len(word) - 1
    return False


def given(
    words: Sequence[str], flags: Mapping[str, Option]
) -> Iterator[tuple[Option, list[str]]]:
    """Yield each option, and the words that give it, of words that were parsed."""
    rest = joined(words, flags)
    for word in rest:
        if word.startswith("--"):
            option = flags[word.partition("=")[0]]
            value = [next(rest)] if option.value and "=" not in word else []
            yield option, [word, *value]
        elif word.startswith("-") and word != "-":
            yield from _letters(word, rest, flags)


def _letters(
    word: str, rest: Iterator[str], flags: Mapping[str, Option]
) -> Iterator[tuple[Option, list[str]]]:
    for at, letter in enumerate(word[1:], 1):
        flag = f"-{letter}"
        if flags[flag].value:
            value = word[at + 1 :].removeprefix("=") or next(rest)
            yield flags[flag], [flag, value]
            return
        yield flags[flag], [flag]


def names_typed(words: Sequence[str], flags: Mapping[str, Option]) -> dict[str, str]:
    """Return the name that each option was given by, by its member."""
    spelled = {name: typed for typed, name in SPELLED.items() if name not in words}
    typed = {}
    for option, (word, *_) in given(words, flags):
        name = word.partition("=")[0]
        typed[option.member] = spelled.get(name, name)
    return typed
