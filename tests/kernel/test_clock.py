"""The machine's clock is set while tracing."""

from __future__ import annotations

import os
import time
from datetime import datetime
from typing import Any

import pytest

from tests.support.attempts import attempt
from tests.support.clocks import stepped
from tests.support.tool import Tool

pytestmark = pytest.mark.usefixtures("netns")

STEPS = [5, -5]
SLACK_S = 0.5
COLUMNS = "elapsed_s,time,latency_ms,dport"


def shown_time(event: dict[str, Any]) -> float:
    """Return the time of an event, in seconds since the epoch."""
    whole, fraction = event["time"].removesuffix("Z").split(".")
    return datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f".{fraction}")


@pytest.mark.parametrize("seconds", STEPS)
def test_step(seconds: int) -> None:
    """Times follow the present clock; differences do not change."""
    with Tool("-jr", "-p", os.getpid(), "--columns", COLUMNS) as tool:
        attempt("127.0.0.1", 1)
        tool.lines(1)
        with stepped(seconds):
            began = time.time()
            attempt("127.0.0.1", 2)
            ended = time.time()
            tool.lines(2)
        attempt("127.0.0.1", 3)
        now = time.time()
        first, second, third = tool.events(3)
        assert tool.stop() == 0
    assert began - SLACK_S < shown_time(second) < ended + SLACK_S
    assert shown_time(first) < shown_time(third) < now + SLACK_S
    assert 0 == first["elapsed_s"] < second["elapsed_s"] < third["elapsed_s"] < 60
    assert all(0 <= event["latency_ms"] < 60_000 for event in (first, second, third))
