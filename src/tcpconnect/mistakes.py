"""What is wrong with words that the parser refuses, and what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect import messages, word_messages
from tcpconnect.errors import UsageError, did_you_mean
from tcpconnect.options.verbs import VERBS
from tcpconnect.suggestions import (
    FLAGS,
    PLAIN,
    for_name,
    for_option,
    for_value,
    for_words,
)
from tcpconnect.words import wants_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LONGEST = 60  # of words that are repeated
MOST_VALUES = 8
SHORTEST = 3  # of names of options that are spelled like others
# What no option does: why not.
REASONS = {
    **dict.fromkeys(
        ("--sport", "--src-port", "--source-port"), word_messages.NO_SOURCE_PORTS
    ),
    **dict.fromkeys(("-n", "--numeric"), word_messages.NO_LOOKUPS),
}
REMEDIES = {
    word_messages.NO_SOURCE_PORTS: "-L shows it",
    word_messages.NO_LOOKUPS: "omit it",
}


def first_mistake(words: Sequence[str]) -> UsageError | None:
    """Return the error for the first word that no option knows, None for none."""
    before = wants = ""  # the option before, and one that wants a value
    for at, word in enumerate(words):
        if wants:
            before, wants = wants, ""
        elif not word.startswith("-") or word == "-":
            return _unexpected(words, at, before)
        elif word.startswith("--"):
            name, equals, value = word.partition("=")
            if name not in FLAGS:
                return _unknown(word, words[at + 1 :])
            if equals and not FLAGS[name].value:
                return _no_value(name, value)
            wants = name if FLAGS[name].value and not equals else ""
            before = name
        elif (found := _in_letters(word, words[at + 1 :])) is not None:
            return found
        else:
            before = f"-{word[-1]}"
            wants = before if wants_value(word) else ""
    return None


def refused_by(verb: str, word: str, taken: Iterable[str]) -> UsageError:
    """Return the error for a word that a verb does not take; it takes these flags."""
    if not word.startswith("-"):
        message, remedy = word_messages.UNEXPECTED_WORD, word_messages.SEE_HELP_OF
        remedy = remedy.format(verb=verb)
        return UsageError(message, word=_cut(word), reason="", remedy=remedy)
    name = word.partition("=")[0]
    reason = word_messages.NOT_OF_VERB.format(verb=verb) if name in FLAGS else ""
    remedy = "" if reason else _near(name, taken)
    remedy = remedy or word_messages.SEE_HELP_OF.format(verb=verb)
    message = word_messages.UNKNOWN_OPTION
    return UsageError(message, name=_cut(name), reason=reason, remedy=remedy)


def remedy_for(flag: str, text: str) -> str:
    """Return what to do about a value that an option refuses, or ""."""
    return _question(for_value(flag, text))


def _in_letters(word: str, rest: Sequence[str]) -> UsageError | None:
    """Return the error for a word of letters, None if an option knows each of them."""
    for at, letter in enumerate(word[1:], 1):
        option = FLAGS.get(f"-{letter}")
        if not option:
            if at > 1 and letter.isdigit():
                return _no_value(f"-{word[at - 1]}", word[at:])
            known = for_option(f"-{word}") or _near(word)
            return _unknown(word if at == 1 or known else f"-{letter}", rest)
        if option.value:
            return None
    return None


def _unknown(word: str, rest: Sequence[str]) -> UsageError:
    name = word.partition("=")[0]
    reason = REASONS.get(name, "")
    remedy = REMEDIES.get(reason) or _question(for_option(word, rest))
    remedy = remedy or _near(name)
    message, remedy = word_messages.UNKNOWN_OPTION, remedy or messages.SEE_HELP
    return UsageError(message, name=_cut(name), reason=reason, remedy=remedy)


def _near(name: str, flags: Iterable[str] = FLAGS) -> str:
    """Ask for options that are spelled like this one."""
    bare = name.strip("-").lower()
    long = [flag[2:] for flag in flags if flag.startswith("--")]
    return did_you_mean(bare, long, "--") if len(bare) >= SHORTEST else ""


def _unexpected(words: Sequence[str], at: int, before: str) -> UsageError:
    word, message = words[at], word_messages.UNEXPECTED_WORD
    if any(verb.name == word for verb in VERBS):
        remedy = word_messages.VERB_FIRST.format(verb=word)
        return UsageError(message, word=word, reason="", remedy=remedy)
    if before == "-c" and word.replace(".", "", 1).isdigit() and "-i" in FLAGS:
        return _no_value(before, word)
    if "src port" in " ".join(words[at : at + 4]):
        reason = word_messages.NO_SOURCE_PORTS
        return UsageError(
            message, word=_cut(word), reason=reason, remedy=REMEDIES[reason]
        )
    verbs = [verb.name for verb in VERBS if at == 0]
    remedy = (
        _question(_listed(words, at, before) or for_words(words[at:]))
        or did_you_mean(word, verbs)
        or _near(word)
        or _question(for_name(word))
        or f"{word_messages.COMMAND_AFTER}; {messages.SEE_HELP}"
    )
    return UsageError(message, word=_cut(word), reason="", remedy=remedy)


def _listed(words: Sequence[str], at: int, before: str) -> str:
    """Suggest a list for several values of an option: ``-P 80 443``."""
    option = FLAGS.get(before)
    if not (option and option.value and option.repeats and at >= 2):
        return ""
    values: list[str] = []
    for word in words[at - 1 : at + MOST_VALUES]:
        if not PLAIN.fullmatch(word):
            break
        try:
            option.value.parse(word)
        except UsageError:
            break
        values.append(word)
    return f"{before} {','.join(values)}" if len(values) > 1 else ""


def _no_value(flag: str, value: str) -> UsageError:
    remedy = f"omit {_cut(value)!r}"
    if flag == "-c" and value.isdigit() and "-i" in FLAGS:
        remedy = _question(f"-c -i {value}")
    return UsageError(word_messages.NO_VALUE, option=flag, remedy=remedy)


def _question(suggestion: str) -> str:
    return f"did you mean {suggestion}?" if suggestion else ""


def _cut(word: str) -> str:
    return word if len(word) <= LONGEST else f"{word[:LONGEST]}…"
