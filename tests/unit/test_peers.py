"""The report of bench-peers in its document."""

from __future__ import annotations

import pytest

from bench.__main__ import ROUNDS
from bench.document import DOCUMENTS, has_place, markers, put_into

BEGIN, END = markers("peers")


@pytest.mark.parametrize("old", ["", "\n| old |\n\n"])
def test_report_replaces_the_last_one(old: str) -> None:
    """What stands around the report stays; what was there goes."""
    document = f"# Title\n\n{BEGIN}{old}{END}\nWhy so.\n"
    written = put_into(document, "peers", ["| a |", "| b |"])
    assert written == f"# Title\n\n{BEGIN}\n| a |\n| b |\n\n{END}\nWhy so.\n"
    assert put_into(written, "peers", ["| a |", "| b |"]) == written


@pytest.mark.parametrize("document", ["", BEGIN, END])
def test_no_place_for_the_report(document: str) -> None:
    """What is not there is not guessed."""
    with pytest.raises(ValueError, match="it has no <!-- peers"):
        put_into(document, "peers", [])


@pytest.mark.parametrize(
    "name", ["connects", "peers", "cases", "programs", "transfers", *ROUNDS]
)
def test_documents_have_places(name: str) -> None:
    """Each report has its place in one of the documents."""
    (document,) = (d for d in DOCUMENTS if has_place(d, name))
    assert "\nnew\n" in put_into(document.read_text(), name, ["new"])
