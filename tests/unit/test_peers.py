"""The report of bench-peers in its document."""

from __future__ import annotations

import pytest

from bench.peers.report import BEGIN, END, put_into


@pytest.mark.parametrize("old", ["", "\n| old |\n\n"])
def test_report_replaces_the_last_one(old: str) -> None:
    """What stands around the report stays; what was there goes."""
    document = f"# Title\n\n{BEGIN}{old}{END}\nWhy so.\n"
    written = put_into(document, ["| a |", "| b |"])
    assert written == f"# Title\n\n{BEGIN}\n| a |\n| b |\n\n{END}\nWhy so.\n"
    assert put_into(written, ["| a |", "| b |"]) == written


@pytest.mark.parametrize("document", ["", BEGIN, END])
def test_no_place_for_the_report(document: str) -> None:
    """What is not there is not guessed."""
    with pytest.raises(ValueError, match="it has no <!-- peers"):
        put_into(document, [])
