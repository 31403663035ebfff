"""What bench reads of the kernel while the tool runs."""

from __future__ import annotations

import os

import pytest

from bench.programs import programs_by_name, programs_of, statistics
from tests.support.attempts import PORT, attempt
from tests.support.tool import Tool

pytestmark = pytest.mark.usefixtures("netns")


def test_programs_of_the_tool() -> None:
    """Their runs and names are known, though the tool only keeps links to them."""
    with Tool("-p", os.getpid(), "-P", PORT) as tool, statistics():
        pid = tool.process.pid
        before = programs_of(pid)
        attempt("127.0.0.1", PORT)
        spent = programs_of(pid).since(before)
        assert spent.runs >= 2
        assert spent.time_ns > 0
        assert sum(p.runs for p in programs_by_name(pid).values()) >= spent.runs
        assert "" not in programs_by_name(pid)
