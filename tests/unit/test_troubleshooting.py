"""docs/troubleshooting.md: made of the catalogue, with an entry for every message."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

import tcpconnect
from share.troubleshooting import DOCUMENT, catalogue, catalogues, page, text
from tcpconnect.errors import Message, UsageError
from tcpconnect.parsing import parse

TEMPLATE = DOCUMENT.parents[1] / "share/troubleshooting.md.in"
PACKAGE = Path(tcpconnect.__path__[0])
SOURCES = {
    str(path.relative_to(PACKAGE)): path.read_text() for path in PACKAGE.rglob("*.py")
}

# What provokes argparse's own messages.
ARGPARSE = ("-x", "-p", "--check=1", "-4 -6", "--format x")


def rows() -> list[list[str]]:
    """Return the rows of all tables: messages, why they come, and what to do."""
    return re.findall(r"^\| (.*`.*) \| (.*) \| (.*) \|$", page(), re.MULTILINE)


def patterns() -> list[str]:
    """Return what matches the messages of the document: values are in capitals."""
    texts = [text for what, *_ in rows() for text in re.findall("`(.*?)`", what)]
    return [re.sub("[A-Z]{4,}", ".+", re.escape(text)) for text in texts]


def test_document_is_made() -> None:
    """The document is what ``make docs`` makes."""
    assert DOCUMENT.read_text() == page()


def test_messages_have_entries() -> None:
    """Each message of the catalogue is explained once."""
    entries = Counter(re.findall(r"@(\w+)@", TEMPLATE.read_text()))
    assert [name for name in catalogue() if entries[name] != 1] == []


def test_no_other_entries() -> None:
    """What is explained is in the catalogue."""
    assert re.findall(r"@[A-Z]\w+@", page()) == []


def test_messages_are_used() -> None:
    """The catalogue has nothing that is never printed."""
    use = re.compile(r"\b\w*messages\.(\w+)")
    used = {name for text in SOURCES.values() for name in use.findall(text)}
    assert {*catalogue()} - used == set()


def test_no_messages_elsewhere() -> None:
    """All messages are in the catalogue; errors.py has what joins several."""
    makers = {name for name, source in SOURCES.items() if "Message(" in source}
    catalogue = {f"{module.__name__.split('.')[1]}.py" for module in catalogues()}
    assert makers == {*catalogue, "errors.py"}


def test_no_name_twice() -> None:
    """Messages of all modules are known by their names alone."""
    names = [
        name
        for module in catalogues()
        for name, message in vars(module).items()
        if isinstance(message, Message)
    ]
    assert sorted(set(names)) == sorted(names)


def test_entries_are_whole() -> None:
    """Each entry has a cause and a remedy, in sentences."""
    cells = [sentences for row in rows() for sentences in row[1:]]
    assert [cell for cell in cells if not re.fullmatch(r"\S.+[.`]", cell)] == []


@pytest.mark.parametrize("line", ARGPARSE)
def test_message_of_argparse(line: str) -> None:
    """What this Python's argparse says is explained."""
    with pytest.raises(UsageError) as raised:
        parse(line.split())
    sentence = raised.value.sentence
    assert any(re.fullmatch(pattern, sentence) for pattern in patterns())


def test_text() -> None:
    """A message is shown with its reason, where that is always the same."""
    same = Message("no {what} {value!r}", "it is not in {folder}", "make one")
    assert text(same) == "no WHAT 'VALUE': it is not in FOLDER"
    assert text(Message("can't load {name}", "{reason}", "{remedy}")) == (
        "can't load NAME"
    )
