"""The thread that looks at C libraries: the start does not wait for it for ever."""

from __future__ import annotations

import errno
import threading
import time
from typing import TYPE_CHECKING, cast

import pytest

from tcpconnect import messages
from tcpconnect.batch import Warnings
from tcpconnect.kernel import worker
from tcpconnect.kernel.worker import Worker
from tests.support.waiting import TIMEOUT_S

if TYPE_CHECKING:
    from tcpconnect.kernel.libraries import Libraries


class Stuck:
    """Libraries that are looked at until ``go`` is set."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.began = threading.Event()
        self.stopped = False
        self.warnings = Warnings()

    def scan(self) -> None:
        """Look at all processes, one of which does not answer."""
        self.began.set()
        self.go.wait()

    def look(self) -> bool:
        """Look at what is new."""
        return False


def test_file_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The start continues after this time, and only once; it still ends."""
    monkeypatch.setattr(worker, "SETTLE_S", 0.05)
    monkeypatch.setattr(worker, "STOP_S", 0.05)
    stuck = Stuck()
    at_work = Worker(cast("Libraries", stuck), None)
    at_work.settle()
    assert stuck.began.wait(TIMEOUT_S)
    monkeypatch.setattr(worker, "SETTLE_S", 1000.0)
    at_work.settle()
    at_work.stop()
    stuck.go.set()


def test_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """When all processes have been examined, it continues at once."""
    monkeypatch.setattr(worker, "SETTLE_S", TIMEOUT_S)
    stuck = Stuck()
    stuck.go.set()
    at_work = Worker(cast("Libraries", stuck), None)
    before = time.monotonic()
    at_work.settle()
    assert time.monotonic() - before < TIMEOUT_S
    at_work.stop()


def test_failure_is_the_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error that ends the thread is raised by the next call."""
    stuck = Stuck()

    def fail() -> None:
        raise ValueError("what nobody thought of")

    monkeypatch.setattr(stuck, "scan", fail)
    at_work = Worker(cast("Libraries", stuck), None)
    at_work.settle()
    at_work.stop()
    with pytest.raises(ValueError, match="nobody thought of"):
        at_work.run()


@pytest.mark.parametrize(
    ("error", "reason"),
    [(OSError(errno.ENFILE, ""), "Too many open files in system"), (MemoryError(), "")],
)
def test_used_up(
    monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    """Where others have used something up, the trace goes on; a notice tells."""
    stuck = Stuck()

    def fail() -> None:
        raise error

    monkeypatch.setattr(stuck, "scan", fail)
    at_work = Worker(cast("Libraries", stuck), None)
    at_work.settle()
    at_work.stop()
    at_work.run()
    warning = messages.NO_LATER_LIBRARIES.line(reason=reason)
    assert list(stuck.warnings.take()) == [warning]


def test_stopped_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time is of no effect, and takes none."""
    monkeypatch.setattr(worker, "STOP_S", TIMEOUT_S)
    stuck = Stuck()
    stuck.go.set()
    at_work = Worker(cast("Libraries", stuck), None)
    at_work.settle()
    at_work.stop()
    before = time.monotonic()
    at_work.stop()
    assert time.monotonic() - before < TIMEOUT_S
