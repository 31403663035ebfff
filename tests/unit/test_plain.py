"""Options read without argparse are what argparse reads; the rest is left to it."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpconnect.errors import UsageError
from tcpconnect.options import OPTIONS
from tcpconnect.options.option import ENDING, Option
from tcpconnect.options.verbs import VERBS
from tcpconnect.parser import build_parser
from tcpconnect.plain import read
from tcpconnect.words import flags_of

VERB = {verb.name: verb for verb in VERBS}
PARSERS = {name: build_parser(VERB.get(name)) for name in ("", *VERB)}
TAKEN = {"": OPTIONS, **{name: verb.taken for name, verb in VERB.items()}}
VALUES = (
    *("1", "80,443", "-5", "-1", "-", "", "x", "a=b", "a b", "=", "1h", "10.0.0.0/8"),
    *("json", "help", "ECONNREFUSED", "comm,dport", "file.csv", "100M", "é", "-x y"),
    *("--", "---", "-=", "--x", "2026-01-01", "@5", "-rd", "0", "new"),
)


def fits(option: Option, text: str) -> bool:
    """Whether a text is a value of this option."""
    with suppress(UsageError, ValueError):
        return bool(option.value and (option.value.parse(text) or True))
    return False


@cache
def words_of(verb: str) -> st.SearchStrategy[list[str]]:
    """Return lists of words: a verb's options with values, and some that are wrong."""
    safe = [option for option in TAKEN[verb] if option.member not in ENDING]
    right = []
    for option in safe:
        texts = [text for text in VALUES if fits(option, text)]
        for flag in option.flags:
            right += [[flag]] if not option.value else [[flag, text] for text in texts]
            right += [[f"{flag}={text}"] for text in texts if flag[:2] == "--"]
            right += [[f"{flag}{text}"] for text in texts if flag[:2] != "--"]
    name = st.sampled_from(sorted(flags_of(safe)))
    value = st.sampled_from(VALUES)
    letters = st.lists(st.sampled_from("rdjtULTcv46pPu-= "), min_size=1, max_size=4)
    wrong = st.one_of(
        name,
        value,
        st.builds("{}={}".format, name, value),
        letters.map("".join).map("-{}".format),
    )
    some = st.sampled_from(right)
    each = st.one_of(some, some, some, some, wrong.map(lambda word: [word]))
    return st.lists(each, max_size=5).map(lambda words: [*chain(*words)])


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=100, deadline=None, derandomize=True)
@given(data=st.data())
def test_as_argparse(name: str, data: st.DataObject) -> None:
    """What is read is the same; argparse gets what it refuses."""
    words = data.draw(words_of(name))
    if (found := read(words, flags_of(TAKEN[name]))) is None:
        return
    options, rest = PARSERS[name].parse_some(words)
    assert found == (vars(options), rest)


@pytest.mark.parametrize(
    "words",
    [
        "-rdj -p 1,2 --to 10.0.0.0/8 -P443 --comm=curl",
        "-o - -o x.csv --result ECONNREFUSED",
        "-4 -4 --comm -bash",
        "",
    ],
)
def test_plain(words: str) -> None:
    """What is written plainly is read."""
    assert read(words.split(), flags_of(OPTIONS))


@pytest.mark.parametrize(
    "words",
    ["-4 -6", "-p", "-p x", "--pid", "--json=1", "-h", "-rx", "--to -r", "-p=1"],
)
def test_not_plain(words: str) -> None:
    """What is unusual, or wrong, is left to argparse."""
    assert read(words.split(), flags_of(OPTIONS)) is None
