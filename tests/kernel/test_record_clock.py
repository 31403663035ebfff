"""tcpconnect record, while the machine's clock is set."""

from __future__ import annotations

import signal
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import PORT, attempt
from tests.support.clocks import stepped
from tests.support.recorder import asked, kept, record
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("netns")

STEP_S = 45  # more than what counts as one


@pytest.mark.parametrize("way", [1, -1])
def test_step(tmp_path: Path, way: int) -> None:
    """Each step is one line, and a new run; all attempts are kept."""
    path = tmp_path / "h.db"
    with record(path) as tool:
        attempt("127.0.0.9", PORT)
        tool.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: kept(path) == 1, "the first attempt")
        with stepped(way * STEP_S):
            attempt("127.0.0.9", PORT)
            tool.process.send_signal(signal.SIGUSR1)
            wait_until(lambda: kept(path) == 2, "the second attempt")
        attempt("127.0.0.9", PORT)
        assert tool.stop() == 0
        said = tool.stderr
    assert kept(path) == 3
    assert said.count(b"the clock was set ahead, from ") == 1
    assert said.count(b"the clock was set back, from ") == 1
    runs = asked(path, "SELECT started, watched, ended > 0 FROM runs ORDER BY run_id")
    assert [run[2] for run in runs] == [1, 1, 1]
    steps = [after[0] - before[1] for before, after in pairwise(runs)]
    assert [round(step / STEP_S) for step in steps] == [way, -way]
