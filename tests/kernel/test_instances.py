"""Many instances at once: each shows all, and none disturbs another."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tcpconnect.connection import CONNECTION
from tests.support.attempts import attempt
from tests.support.tool import Tool, told

pytestmark = pytest.mark.usefixtures("netns")

MADE = 100
EVERYTHING = ("-j", "--dns-latency", "--columns", ",".join(CONNECTION))


@pytest.mark.parametrize(
    ("count", "options"),
    [(10, ("-j",)), (5, EVERYTHING)],
    ids=["10", "5, everything"],
)
def test_each_sees_all(count: int, options: tuple[str, ...]) -> None:
    """All show the same attempts, and lose none."""
    with ExitStack() as stack:

        def start(_: int) -> Tool:
            return stack.enter_context(Tool("-p", os.getpid(), *options))

        with ThreadPoolExecutor(count) as pool:
            tools = list(pool.map(start, range(count)))
        for port in range(1, 1 + MADE):
            attempt("127.0.0.1", port)
        for tool in tools:
            events = tool.events(MADE)
            assert [event["dport"] for event in events] == [*range(1, 1 + MADE)]
        # One ends after the other; those that are left go on.
        for n, tool in enumerate(tools, 1):
            attempt("127.0.0.1", MADE + n)
            assert len(tool.events(MADE + n)) == MADE + n
            assert tool.stop() == 0
            assert not told(tool, "attempts lost")
