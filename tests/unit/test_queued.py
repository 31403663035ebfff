"""An output in its own thread: nothing waits for it, and nothing is lost unseen."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect import loss_messages, messages
from tcpconnect.batch import NO_LOSSES, Batch, Totals
from tcpconnect.errors import OutputError
from tcpconnect.outputs.queued import Queued
from tests.support.samples import connection
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOM = 4


class Slow:
    """An output that takes nothing until it may."""

    name = "'slow'"
    fd = 1
    dropped = 0
    needed_capabilities = frozenset({"CAP_BPF"})

    def __init__(self) -> None:
        self.may = threading.Event()
        self.began = threading.Event()
        self.failure: Exception | None = None
        self.written: list[int] = []
        self.warnings: list[str] = []
        self.totals: Totals | None = None
        self.opened = False

    def open(self) -> None:
        """Take note of it."""
        self.opened = True

    def write(self, batch: Batch) -> None:
        """Wait, then take note of the ports, or fail."""
        self.began.set()
        assert self.may.wait(10)
        if self.failure:
            raise self.failure
        self.written += [event.dport for event in batch.events]
        self.warnings += map(str, batch.warnings)

    def close(self, totals: Totals) -> None:
        """Take note of it."""
        self.totals = totals


@pytest.fixture
def slow() -> Iterator[Slow]:
    """An output that is let go at the end."""
    output = Slow()
    yield output
    output.may.set()


def batch(*ports: int) -> Batch:
    """Return a batch of attempts to these ports."""
    return Batch([connection(dport=port) for port in ports], NO_LOSSES, [], 0)


def totals(events: int) -> Totals:
    """Return totals without losses."""
    return Totals(events, NO_LOSSES)


def test_all_is_written_in_order(slow: Slow) -> None:
    """What fits comes out as it was put in, the end last."""
    queued = Queued(slow, ROOM)
    queued.open()
    for port in range(1, ROOM + 1):
        queued.write(batch(port))
    slow.may.set()
    queued.close(totals(ROOM))
    assert slow.opened
    assert slow.written == [1, 2, 3, 4]
    assert (queued.dropped, slow.totals) == (0, totals(ROOM))
    assert (queued.name, queued.fd) == (slow.name, slow.fd)
    assert queued.needed_capabilities == slow.needed_capabilities


def test_what_does_not_fit_is_counted(slow: Slow) -> None:
    """Batches are dropped whole, and the end says how many events that were."""
    queued = Queued(slow, ROOM)
    queued.write(batch(1))
    queued.write(batch(2, 3))
    queued.write(batch(4, 5))
    queued.write(batch(6))
    assert queued.dropped == 2
    slow.may.set()
    queued.close(totals(6))
    assert slow.written == [1, 2, 3, 6]
    assert slow.totals
    assert slow.totals.dropped == 2


def test_empty_batches_take_room(slow: Slow) -> None:
    """They come all the time: as many as one likes can't wait."""
    queued = Queued(slow, ROOM)
    for _ in range(100):
        queued.write(batch())
    assert queued._queue.qsize() <= ROOM  # noqa: SLF001
    assert queued.dropped == 0


def test_a_batch_that_never_fits(slow: Slow) -> None:
    """All flows of -c are one batch: nothing else waits, and it is taken."""
    queued = Queued(slow, ROOM)
    queued.write(batch(*range(1, 3 * ROOM)))
    slow.may.set()
    queued.close(totals(3 * ROOM))
    assert slow.written == list(range(1, 3 * ROOM))


@pytest.mark.parametrize("at_once", [True, False])
def test_failure(slow: Slow, at_once: bool) -> None:  # noqa: FBT001
    """It is raised where the caller is: at the next write, or at the end."""
    slow.failure = OutputError(messages.CANT_WRITE, reason="full", output="it")
    queued = Queued(slow, ROOM)
    queued.write(batch(1))
    slow.may.set()
    if at_once:
        wait_until(lambda: queued._failure, "the failure")  # noqa: SLF001
        with pytest.raises(OutputError, match="full"):
            queued.write(batch(2))
    else:
        with pytest.raises(OutputError, match="full"):
            queued.close(totals(1))


def test_no_thread(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none can be started, that is an error and no silence."""

    def fail(*_: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("tcpconnect.outputs.queued.start_new_thread", fail)
    queued = Queued(slow, ROOM)
    with pytest.raises(OutputError, match="can't start a thread"):
        queued.write(batch(1))
    queued.close(totals(0))  # waits for none
    assert slow.totals


def test_warnings_of_dropped_batches(slow: Slow) -> None:
    """They come with the next batch that is taken."""
    queued = Queued(slow, 1)
    queued.write(batch(1))
    warning = loss_messages.RECORDED.line(text="a warning")
    queued.write(Batch([connection()], NO_LOSSES, [warning], 0))
    slow.may.set()
    wait_until(lambda: slow.written == [1], "the first")
    queued.write(batch(2))
    queued.close(totals(3))
    assert slow.warnings == ["a warning"]


def test_signals_are_the_main_threads(slow: Slow) -> None:
    """Else a handler might never run while the main thread waits."""
    queued = Queued(slow, ROOM)
    queued.write(batch(1))
    assert slow.began.wait(10)
    tasks = {*os.listdir("/proc/self/task")} - {str(os.getpid())}
    statuses = []
    for tid in tasks:
        with suppress(OSError):  # threads that tests before have left may end
            statuses.append(Path(f"/proc/self/task/{tid}/status").read_text())
    masks = [int(s.partition("SigBlk:")[2].split()[0], 16) for s in statuses]
    assert [mask for mask in masks if mask >> (signal.SIGINT - 1) & 1]
    slow.may.set()
    queued.close(totals(1))
