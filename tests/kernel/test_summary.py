"""The summary of a run: on stderr only, when it is asked for.

(Or when that is a terminal: test_count.py.)
"""

from __future__ import annotations

import os
import re

import pytest

from tests.support.attempts import PORT, attempt
from tests.support.tool import READY, Tool

pytestmark = pytest.mark.usefixtures("netns")


def test_asked_for() -> None:
    """What failed and why; stdout is as without it."""
    with Tool("--why", "--summary", "-j", "-p", os.getpid()) as tool:
        attempt("127.0.0.1", PORT)
        attempt("::1", PORT)
        assert tool.stop() == 0
        assert len(tool.all_events()) == 2
        total, *lines = tool.said.removeprefix(READY).decode().splitlines()
    assert re.fullmatch(r"2 attempts in [\d.]+ m?s: 2 failed", total)
    assert lines == [
        "  ECONNREFUSED 2: RST 2",
        f"  most failures: 127.0.0.1:{PORT} 1, [::1]:{PORT} 1",
    ]


def test_not_asked_for() -> None:
    """On a pipe it comes only with the option."""
    with Tool("--why", "-p", os.getpid()) as tool:
        attempt("127.0.0.1", PORT)
        assert tool.stop() == 0
        assert tool.said == READY


def test_nothing_came() -> None:
    """It says which filters were set."""
    with Tool("--summary", "-P", PORT, "-p", os.getpid()) as tool:
        assert tool.stop() == 0
        said = tool.said.removeprefix(READY).decode()
    assert said.endswith(f" that matched; filters: -p {os.getpid()} -P {PORT}\n")
