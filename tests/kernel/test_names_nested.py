"""-d: lookups inside of lookups, and some that never return."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import attempt
from tests.support.containers import Looker, add_module, make_image
from tests.support.tool import Tool

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("netns")

INNER = "127.1.2.3"
OUTER = "127.0.9.1"  # nss_nested.c has it


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A root directory with an NSS module."""
    root = make_image(tmp_path / "root", "glibc", f"{INNER} inner.example\n")
    add_module(root)
    return root


def start(*pids: int) -> Tool:
    """Trace what these processes connect to port 7, with names from C libraries."""
    return Tool("-p", ",".join(map(str, pids)), "-P", 7, "-dj", "--names", "libc")


def test_lookup_inside_of_a_lookup(image: Path) -> None:
    """An NSS module looks up another name: each address has its own."""
    with (
        Looker(image, "outer.example", image) as looker,
        start(looker.pid, os.getpid()) as tool,
    ):
        looker.run()
        attempt(INNER, 7)
        events = [(e["daddr"], e["query"]) for e in tool.events(2)]
    assert events == [(OUTER, "outer.example"), (INNER, "inner.example")]


def test_lookup_that_never_returns(image: Path) -> None:
    """A lookup left by longjmp() is not mistaken for the next one from that place."""
    with Looker(image, "left.example", image) as looker, start(looker.pid) as tool:
        looker.run()
        (event,) = tool.events(1)
    assert (event["daddr"], event["query"]) == ("127.0.0.1", "localhost")
