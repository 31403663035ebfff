"""Wrong values of the options of verbs: the line names what was typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tcpconnect.errors import UsageError
from tcpconnect.options.verbs import VERBS, Verb
from tcpconnect.parsing import parse_verb
from tcpconnect.words import SPELLED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcpconnect.values import Value

WRONG = ("", ",", "x\x1b y", "-1", "nix://")
TYPED = {name: typed for typed, name in SPELLED.items()}


def wrong_values(value: Value) -> Iterator[str]:
    """Yield the texts that are none of these values."""
    for text in WRONG:
        try:
            value.parse(text)
        except UsageError:
            yield text


def wrong_words(verb: Verb) -> Iterator[tuple[str, str]]:
    """Yield options as they are typed, and each with a wrong value."""
    for option in verb.taken:
        if not option.value:
            continue
        for text in wrong_values(option.value):
            for flag in (TYPED.get(flag, flag) for flag in option.flags):
                if flag.startswith("--"):
                    yield flag, f"{flag}={text}"
                elif text:
                    yield flag, flag + text


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_option_is_named(verb: Verb) -> None:
    """Each option with each wrong value is one harmless line, which names it."""
    for flag, word in wrong_words(verb):
        with pytest.raises(UsageError) as caught:
            parse_verb(verb, [word])
        argument, named = caught.value.line.split(":")[0].split()
        assert (argument, flag in named.split("/")) == ("argument", True)
