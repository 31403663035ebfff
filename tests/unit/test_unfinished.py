"""A trace with a record that another CPU has begun, and finishes late or never."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tcpconnect.batch import Losses, Part
from tcpconnect.enrich.names import Names
from tcpconnect.kernel import attempts, preflight
from tcpconnect.kernel.records import CONNECTION, LOOKUP
from tcpconnect.settings import Settings
from tcpconnect.tracer import UNFINISHED_PAUSE_S, UNFINISHED_S, Trace
from tcpconnect.waits import SHORT_MS
from tests.support.producer import Producer, opened, stride

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcpconnect.bpf.object import BpfObject
    from tcpconnect.bpf.ring import Ring, Run

SIZE = 1 << 16


class CountingRing:
    """A ring that counts how often it is read."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self.reads = 0
        # As the ring's own while a record is not finished: there is something to read.
        self.fd, self._end = os.pipe()
        os.write(self._end, b"\0")

    def __getattr__(self, name: str) -> object:
        """Do as the ring does."""
        return getattr(self._ring, name)

    def read(self) -> list[Run]:
        """Count, and read."""
        self.reads += 1
        return self._ring.read()

    def close(self) -> None:
        """Close what is polled."""
        os.close(self.fd)
        os.close(self._end)


class FakeAttempts(Part):
    """Stands for Attempts: a ring, and no kernel."""

    first_ns = 0
    images_fd = library = types = None

    def __init__(self, ring: CountingRing) -> None:
        super().__init__()
        self.ring = ring

    def __call__(self, *_: object) -> FakeAttempts:
        """Stand for the constructor."""
        return self

    def share(self, bpf: BpfObject) -> None:
        """Share nothing."""

    def pending(self) -> Iterator[bytes]:
        """Yield nothing."""
        yield from ()

    def detach(self) -> None:
        """Do nothing: what writes to the ring is the test."""

    def close(self) -> None:
        """Close what is polled."""
        self.ring.close()


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Producer, CountingRing]]:
    """What writes to the ring that the next trace reads, and what is read from."""
    with opened(SIZE) as (producer, ring):
        counting = CountingRing(ring)
        monkeypatch.setattr(preflight, "ready_library", lambda: None)
        monkeypatch.setattr(attempts, "Attempts", FakeAttempts(counting))
        yield producer, counting


@pytest.fixture
def producer(pair: tuple[Producer, CountingRing]) -> Producer:
    """The producer of the pair."""
    return pair[0]


def record(port: int) -> bytes:
    """Return an attempt, identified by its destination port."""
    time_ns = port.to_bytes(8, "little")  # whatever else it has
    return time_ns.ljust(CONNECTION.length, b"\0")


def made(count: int) -> list[bytes]:
    """Return so many different attempts."""
    return [record(port) for port in range(1, count + 1)]


def at_the_stop(trace: Trace) -> tuple[int, Losses]:
    """Stop; return how many attempts are shown, and what was lost."""
    trace.stop()
    return sum(1 for _ in trace), trace.losses


def test_never_finished(producer: Producer) -> None:
    """It is given up in bounded time, without spinning; all others are shown."""
    first, second, third, fourth = made(4)
    producer.write(first)
    producer.reserve(second)
    producer.write(third)
    producer.reserve(fourth)
    began, used = time.monotonic(), time.thread_time()
    with Trace(Settings()) as trace:
        trace.stop()
        *_, last = batches = list(trace.batches())
        shown = sum(len(batch.events) for batch in batches)
        losses = last.losses
        assert losses == trace.losses
    assert (shown, losses) == (2, Losses(unfinished=2))
    assert UNFINISHED_S <= time.monotonic() - began < 10 * UNFINISHED_S
    assert time.thread_time() - used < UNFINISHED_S / 2


def test_finished_late(producer: Producer) -> None:
    """What is finished meanwhile is shown, in its order, and nothing is lost."""
    first, second = made(2)
    reserved = producer.reserve(first)
    producer.write(second)
    timer = threading.Timer(UNFINISHED_S / 10, producer.mark, (reserved,))
    with Trace(Settings()) as trace:
        timer.start()
        assert at_the_stop(trace) == (2, Losses())
    timer.join()


def test_names(producer: Producer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that is no attempt is not counted as one."""
    monkeypatch.setattr("tcpconnect.naming.Answers", Nothing)
    monkeypatch.setattr("tcpconnect.naming.Lookups", Nothing)
    monkeypatch.setattr("tcpconnect.tracer.UNFINISHED_S", 0.1)
    producer.reserve(bytes(LOOKUP.length))
    producer.write(*made(1))
    assert LOOKUP in Names.kinds
    with Trace(Settings(dns=True)) as trace:
        assert at_the_stop(trace) == (1, Losses(unfinished_details=1))


class Nothing(Part):
    """A source of names that has none."""

    def __init__(self, *_: object, **__: object) -> None:
        """Attach nothing."""
        super().__init__()

    def begun(self) -> Nothing:
        """Have nothing to wait for."""
        return self

    def settle(self) -> None:
        """Have nothing looked at."""

    def look(self) -> None:
        """Find nothing."""


@pytest.mark.parametrize("behind", [1, SIZE // 3 // stride(CONNECTION.length)])
def test_no_spinning_while_tracing(
    pair: tuple[Producer, CountingRing], monkeypatch: pytest.MonkeyPatch, behind: int
) -> None:
    """A descriptor that stays readable for one such record is not asked in circles."""
    patience = 0.1
    monkeypatch.setattr("tcpconnect.tracer.UNFINISHED_S", patience)
    producer, ring = pair
    first, *others = made(1 + behind)
    producer.reserve(first)
    producer.write(*others)
    duration = 0.5
    with Trace(Settings(duration=duration)) as trace:
        assert sum(1 for _ in trace) == behind
        assert trace.losses == Losses(unfinished=1)
    looks = duration / SHORT_MS * 1e3 + patience / UNFINISHED_PAUSE_S
    assert ring.reads <= looks + 3


def test_more_is_written_all_the_time(producer: Producer) -> None:
    """Records that come after the stop, for example names, do not delay the end."""
    producer.write(*made(1))
    with Trace(Settings()) as trace:
        trace.stop()
        shown = 0
        for batch in trace.batches():
            shown += len(batch.events)
            producer.write(*made(1))
            assert shown < 10
