"""Words of the command line, with each value that begins with ``-`` at its option."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from tcpconnect.options import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

COMMAND_MARK = "--"
RESULT, RESULTS = "--result", "--results"
FLAGS = {flag: bool(option.value) for option in OPTIONS for flag in option.flags}


def joined(words: Sequence[str]) -> Iterator[str]:
    """Yield words; ``--comm -bash`` as ``--comm=-bash``, ``-p -5`` as ``-p-5``.

    argparse takes no value that begins with ``-`` from the next word. A word that is
    an option stays one.
    """
    words = list(_with_results(words))
    held = ""  # an option that wants a value
    for word in words:
        if held and _is_dashed_value(word):
            yield f"{held}={word}" if held.startswith("--") else held + word
            held = ""
            continue
        if held:
            yield held
        held = word if wants_value(word) else ""
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


def _is_dashed_value(word: str) -> bool:
    is_option = word.partition("=")[0] in FLAGS
    return word.startswith("-") and word != "-" and not is_option


def wants_value(word: str) -> bool:
    """Whether an option takes the next word as its value."""
    if word.startswith("--") or not word.startswith("-"):
        return FLAGS.get(word, False)
    for at, letter in enumerate(word[1:], 1):
        if FLAGS.get(f"-{letter}", True):  # it takes what follows, or is unknown
            return f"-{letter}" in FLAGS and at == len(word) - 1
    return False
