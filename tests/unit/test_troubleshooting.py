"""docs/troubleshooting.md: an entry for every message, and none for what is none."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tcpconnect.errors import UsageError
from tcpconnect.lossreport import MEANING
from tcpconnect.parsing import parse
from tests.unit.messages import PASSED_ON, Message, arguments, messages

DOCUMENT = Path(__file__).parents[2] / "docs/troubleshooting.md"

# Messages of argparse, and what provokes them.
ARGPARSE = {
    "-x": Message("argparse", ("unrecognized arguments: ", "")),
    "-p": Message("argparse", ("argument ", ": expected one argument")),
    "--check=1": Message("argparse", ("argument ", ": ignored explicit argument ", "")),
    "-4 -6": Message("argparse", ("argument ", ": not allowed with argument ", "")),
    "--format x": Message(
        "argparse", ("argument ", ": invalid choice: ", " (choose from ", ")")
    ),
}
MESSAGES = [*messages(), *ARGPARSE.values()]


class Entry(NamedTuple):
    """A row of the document: its messages, why they come, and what to do."""

    texts: list[str]
    why: str
    remedy: str


def entries() -> list[Entry]:
    """Return the rows of all tables."""
    row = re.compile(r"^\| (`.*) \| (.*) \| (.*) \|$", re.MULTILINE)
    rows = row.findall(DOCUMENT.read_text())
    return [Entry(re.findall("`(.*?)`", what), *rest) for what, *rest in rows]


ENTRIES = entries()


def owner(text: str) -> Message | None:
    """Return the message that a text of the document is: the closest that matches."""
    matching = [message for message in MESSAGES if message.matches(text)]
    return max(matching, key=lambda found: found.fixed, default=None)


OWNERS = {text: owner(text) for entry in ENTRIES for text in entry.texts}


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: "VALUE".join(m.parts))
def test_message_has_entry(message: Message) -> None:
    """Whatever the tool prints is explained."""
    assert message in OWNERS.values()


@pytest.mark.parametrize("text", OWNERS)
def test_entry_is_a_message(text: str) -> None:
    """What is explained is printed."""
    assert OWNERS[text] is not None


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.texts[0])
def test_entry_is_whole(entry: Entry) -> None:
    """Each entry has a cause and a remedy, in sentences."""
    for text in entry.why, entry.remedy:
        assert re.fullmatch(r"\S.+[.`]", text)


@pytest.mark.parametrize("line", ARGPARSE)
def test_message_of_argparse(line: str) -> None:
    """These are what this Python's argparse says."""
    with pytest.raises(UsageError) as raised:
        parse(line.split())
    assert ARGPARSE[line].matches(raised.value.sentence)


def test_numbers_are_those_of_the_source() -> None:
    """The limits that the document names are those of the messages."""
    document = DOCUMENT.read_text()
    for meaning in MEANING.values():
        assert f"`{meaning.format('N').partition(';')[0]}`" in document


def test_nothing_is_excused_in_vain() -> None:
    """What needs no entry is still in the source."""
    assert set(PASSED_ON) - arguments() == set()
