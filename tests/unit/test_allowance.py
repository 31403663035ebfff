"""Late work has a share of the time, and pays for what it takes of a CPU alone."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from tcpconnect.enrich import allowance
from tcpconnect.enrich.allowance import LATE_NS, LateWork

USED_S = 0.1  # ten times its share of a second
BUSY = f"import time\nwhile time.process_time() < {USED_S}: pass"


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> LateWork:
    """Late work, with a hundredth of the time."""
    monkeypatch.setattr(allowance, "LATE_SHARE", 0.01)
    return LateWork(lambda: LATE_NS)


def use() -> None:
    """Use a CPU."""
    end = time.thread_time() + USED_S
    while time.thread_time() < end:
        pass


def test_used_up(late: LateWork) -> None:
    """What has used more than its share has to wait; what is in time has not."""
    late.do(0, use)
    assert late.do(0, int) is None
    assert late.do(1, int) == 0
    assert late.skipped == 1


def test_others_at_work(late: LateWork) -> None:
    """While others have the CPU, as on a busy machine, nothing is used up."""
    with subprocess.Popen([sys.executable, "-c", BUSY]) as other:
        assert late.do(0, other.wait) == 0
    assert late.do(0, int) == 0
    assert late.skipped == 0
