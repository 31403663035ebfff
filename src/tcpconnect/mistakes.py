"""What is wrong with words that the parser refuses, and what to write instead."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tcpconnect import messages, word_messages
from tcpconnect.errors import UsageError, did_you_mean
from tcpconnect.options import OPTIONS
from tcpconnect.options.verbs import VERBS
from tcpconnect.suggestions import (
    FLAGS,
    PLAIN,
    for_name,
    for_option,
    for_value,
    for_words,
)
from tcpconnect.words import COMMAND_MARK, TIMES, flags_of, wants_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tcpconnect.options.verbs import Verb

OR = " or "
COMMAND = f"{COMMAND_MARK} COMMAND"
LONGEST = 60  # of words that are repeated
MOST_VALUES = 8
PROGRAM = "--program"
COUNT = ("-c", "--count")
RECORDINGS = (".jsonl", ".jsonl.zst")
FILES = {".db": "--db", ".html": "-o"}  # the options that take them
SHORTEST = 3  # of names of options that are spelled like others
# What no option does: why not.
REASONS = {
    **dict.fromkeys(
        ("--sport", "--src-port", "--source-port"), word_messages.NO_SOURCE_PORTS
    ),
    **dict.fromkeys(("-n", "-nn", "--numeric"), word_messages.NO_LOOKUPS),
}
# What people call the verbs.
OTHER_VERBS = {
    "top": ("live", "monitor", "htop"),
    "record": ("daemon", "log", "save", "rec"),
    "history": ("hist", "past", "query"),
    "report": ("html", "rapport"),
    "replay": ("play", "read"),
}
REMEDIES = {
    word_messages.NO_SOURCE_PORTS: "-L shows it",
    word_messages.NO_LOOKUPS: "omit it",
}


class Mistakes:
    """Finds what is wrong with the words behind a verb, or without one.

    ``see`` says which help shows what it takes.
    """

    def __init__(self, verb: Verb | None = None) -> None:
        self._verb = verb
        self._flags = flags_of(verb.taken if verb else OPTIONS)
        self.see = messages.SEE_HELP
        if verb:
            self.see = word_messages.SEE_HELP_OF.format(verb=verb.name)

    def first(self, words: Sequence[str]) -> UsageError | None:
        """Return the error for the first word that no option knows, None for none."""
        before = wants = ""  # the option before, and one that wants a value
        files: list[int] = []
        most = self._verb.files if self._verb else 0
        for at, word in enumerate(words):
            if wants:
                before, wants = wants, ""
            elif not word.startswith("-") or word == "-":
                files.append(at)
                if len(files) > most:
                    begin = files[0] if _is_no_file(words[files[0]]) else at
                    return self.unexpected(words, begin, before)
            elif word.startswith("--"):
                name, equals, value = word.partition("=")
                if name not in self._flags:
                    return self._unknown(word, words[at + 1 :])
                takes = self._flags[name].value
                if equals and not takes:
                    return self._no_value(name, value)
                wants = name if takes and not equals else ""
                before = name
            elif (found := self._in_letters(word, words[at + 1 :])) is not None:
                return found
            else:
                before = f"-{word[-1]}"
                wants = before if wants_value(word, self._flags) else ""
        return None

    def remedy_for(self, flag: str, text: str) -> str:
        """Return what to do about a value that an option refuses, or ""."""
        return self._question(for_value(flag, text))

    def _in_letters(self, word: str, rest: Sequence[str]) -> UsageError | None:
        """Return the error for a word of letters, None if each is an option."""
        for at, letter in enumerate(word[1:], 1):
            option = self._flags.get(f"-{letter}")
            if not option:
                if at > 1 and letter.isdigit():
                    return self._no_value(f"-{word[at - 1]}", word[at:])
                known = self._taken(for_option(f"-{word}")) or self._near(word)
                whole = (at == 1 or known) and f"-{letter}" not in FLAGS
                return self._unknown(word if whole else f"-{letter}", rest)
            if option.value:
                return None
        return None

    def _unknown(self, word: str, rest: Sequence[str]) -> UsageError:
        name = word.partition("=")[0]
        member = FLAGS[name].member if name in FLAGS else ""
        if self._verb and (why := self._verb.refused.get(member)):
            named = {"verb": self._verb.name, "name": name}
            message = word_messages.NOT_TAKEN
            return UsageError(message, **named, reason=why, remedy=self.see)
        reason, remedy = self._whose(name)
        if name in REASONS:
            reason, remedy = REASONS[name], REMEDIES[REASONS[name]]
        if not reason:
            remedy = self._question(for_option(word, rest)) or self._near(name)
        message, remedy = word_messages.UNKNOWN_OPTION, remedy or self.see
        return UsageError(message, name=_cut(name), reason=reason, remedy=remedy)

    def _whose(self, name: str) -> tuple[str, str]:
        """Return who takes an option that is not taken here, and whose help to read."""
        if self._verb and name in FLAGS:
            return word_messages.NOT_OF_VERB.format(verb=self._verb.name), ""
        verbs = [verb.name for verb in VERBS if name in flags_of(verb.options)]
        if not verbs:
            return "", ""
        reason = word_messages.OF_VERBS.format(
            verbs=", ".join(f"tcpconnect {verb}" for verb in verbs)
        )
        return reason, word_messages.SEE_HELP_OF.format(verb=verbs[0])

    def _near(self, name: str) -> str:
        """Ask for options that are spelled like this one."""
        bare = name.strip("-").lower()
        shown = [flag for flag, option in self._flags.items() if option.help]
        long = [flag[2:] for flag in shown if flag.startswith("--")]
        if len(bare) < SHORTEST:
            return ""
        cut = [flag for flag in long if flag.startswith(bare)]
        if len(cut) in {1, 2}:
            return f"did you mean {' or '.join(f'--{flag}' for flag in cut)}?"
        return did_you_mean(bare, long, "--")

    def unexpected(
        self, words: Sequence[str], at: int = 0, before: str = ""
    ) -> UsageError:
        """Return the error for a word at this place, which no option takes."""
        word, message = words[at], word_messages.UNEXPECTED_WORD
        reason = ""
        verbs = {verb.name for verb in VERBS}
        if word == "help" and verbs.intersection(words[at + 1 : at + 2]):
            remedy = self._question(f"tcpconnect {words[at + 1]} -h")
        elif word in verbs and not self._verb:
            remedy = word_messages.VERB_FIRST.format(verb=word)
        elif before in COUNT and word.replace(".", "", 1).isdigit():
            return self._no_value(before, word)
        elif "src port" in " ".join(words[at : at + 4]):
            reason = word_messages.NO_SOURCE_PORTS
            remedy = REMEDIES[reason]
        else:
            remedy = self._meant(words, at, before)
        return UsageError(message, word=_cut(word), reason=reason, remedy=remedy)

    def _meant(self, words: Sequence[str], at: int, before: str) -> str:
        """Return what to do about a word that is not expected."""
        word = words[at]
        if before in TIMES and ":" in word:
            return self._question(f"{before} '{words[at - 1]} {word}'")
        command = f"{word_messages.COMMAND_AFTER}; {self.see}"
        return (
            self._for_file(word)
            or self._question(self._listed(words, at, before) or for_words(words[at:]))
            or (_near_verb(word) if at == 0 and not self._verb else "")
            or self._near(word)
            or self._question(self._for_name(word))
            or (self.see if self._verb else command)
        )

    def _for_name(self, word: str) -> str:
        found = for_name(word)
        if PROGRAM in self._flags:  # what was recorded has no names of threads
            return found.replace("--comm", PROGRAM)
        return found

    def _for_file(self, word: str) -> str:
        """Return what to do about a file, where a history is asked."""
        if PROGRAM not in self._flags:
            return ""
        if word.endswith(RECORDINGS):
            return word_messages.REPLAY_FIRST.format(word=_cut(word))
        for suffix, option in FILES.items():
            if word.endswith(suffix):
                return self._question(f"{option} {_cut(word)}")
        return ""

    def _listed(self, words: Sequence[str], at: int, before: str) -> str:
        """Suggest a list for several values of an option: ``-P 80 443``."""
        option = self._flags.get(before)
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

    def _no_value(self, flag: str, value: str) -> UsageError:
        remedy = f"omit {_cut(value)!r}"
        if flag in COUNT and value.isdigit():
            remedy = self._question(f"-c -i {value}")
        return UsageError(word_messages.NO_VALUE, option=flag, remedy=remedy)

    def _question(self, suggestion: str) -> str:
        taken = self._taken(suggestion)
        return f"did you mean {taken}?" if taken else ""

    def _taken(self, suggestion: str) -> str:
        """Return the alternatives of a suggestion that are taken here, "" for none."""
        either = suggestion.split(OR)
        return OR.join(each for each in either if self._takes(each.split()))

    def _takes(self, words: list[str]) -> bool:
        """Whether all of these options, and a command, are taken here."""
        if COMMAND_MARK in words:
            if self._verb and COMMAND not in self._verb.usage:
                return False
            words = words[: words.index(COMMAND_MARK)]
        return self._flags.keys() >= {word for word in words if word[0] == "-"}


def _is_no_file(word: str) -> bool:
    """Whether it is a plain word, and no file: ``curl`` of ``top curl example.com``."""
    return word.isalnum() and not os.path.lexists(word)


def _near_verb(word: str) -> str:
    """Ask for verbs that are spelled like a word, or have its letters: ``tpo``."""
    names, word = [verb.name for verb in VERBS], word.lower()
    swapped = [name for name in names if sorted(name) == sorted(word)]
    meant = [name for name in names if word in OTHER_VERBS.get(name, ())]
    likely, *_ = *swapped, *meant, word
    return did_you_mean(likely, names)


def _cut(word: str) -> str:
    return word if len(word) <= LONGEST else f"{word[:LONGEST]}…"
