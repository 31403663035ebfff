"""The sender: what is sent when, by a place that works, is away, or refuses."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from tcpconnect.remote import sender as module
from tcpconnect.remote.sender import PAUSES_S, Sender
from tcpconnect.remote.spool import SINGLE, WINDOWS, Packed, Spool
from tcpconnect.transport.undelivered import UndeliveredError
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tcpconnect.remote.spool import Block


class Collector:
    """A place: it raises, or refuses, what it is told to."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.tokens: list[str] = []
        self.error: UndeliveredError | None = None
        self.refused = 0

    def deliver(self, block: Block, body: bytes) -> int:
        """Take a block."""
        self.tokens.append(block.token)
        if self.error:
            raise self.error
        self.got.append(body)
        return self.refused


@pytest.fixture
def place() -> Collector:
    """Return one that works."""
    return Collector()


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """Return an empty one."""
    spool = Spool(str(tmp_path))
    spool.open()
    yield spool
    spool.close()


@pytest.fixture
def sender(
    place: Collector, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Sender]:
    """Return what makes a sender that has begun, and is not patient."""
    monkeypatch.setattr(module, "PAUSES_S", (0.01,))

    def begun() -> Sender:
        made = Sender("otlp+http://here:4318", spool, place.deliver)
        made.start()
        return made

    return begun


def put(spool: Spool, body: bytes, kind: str = WINDOWS) -> None:
    """Put a block of seven attempts in three rows."""
    spool.put(Packed(kind, 3, 7, body), int(time.time()))


def test_sent(sender: Callable[[], Sender], place: Collector, spool: Spool) -> None:
    """In order, and at once; nothing is left."""
    made = sender()
    put(spool, b"1")
    put(spool, b"2")
    made.wake()
    wait_until(lambda: place.got == [b"1", b"2"], "both")
    made.close(5.0)
    assert (made.sent, spool.left, spool.dropped) == (14, 0, {})


def test_at_a_random_moment(
    sender: Callable[[], Sender], place: Collector, spool: Spool
) -> None:
    """Hosts do not send at the same second; the end waits for nothing."""
    made = sender()
    made.wake(3600.0)  # else its thread may find the block before the moment is set
    put(spool, b"1")
    made.wake(3600.0)
    assert place.got == []
    made.close(5.0)
    assert place.got == [b"1"]


@pytest.mark.parametrize(
    ("error", "least_s", "within_s"),
    [
        (None, 0.0, 60.0),
        (UndeliveredError("HTTP status 503"), PAUSES_S[0] / 2, PAUSES_S[0]),
        (UndeliveredError("HTTP status 503", after=600.0), 600.0, 300.0),
    ],
    ids=["works", "fails", "asks"],
)
def test_spread(
    tmp_path: Path,
    place: Collector,
    error: UndeliveredError | None,
    least_s: float,
    within_s: float,
) -> None:
    """A hundred hosts do not send in the same second, nor try again in it.

    Also where the place says to all of them when to come back.
    """
    place.error, begin = error, time.monotonic()
    spools = [Spool(str(tmp_path / str(number))) for number in range(100)]
    senders = []
    for spool in spools:
        spool.open()
        put(spool, b"1")
        senders.append(Sender("otlp+http://here:4318", spool, place.deliver))
    for each in senders:
        if error:
            each.start()
        else:
            each.wake(60.0)
    # Some may have tried again before the last one did.
    wait_until(lambda: len(place.tokens) >= (100 if error else 0), "all tries")
    first = begin + least_s
    wait_until(lambda: all(each.due >= first for each in senders), "all pauses")
    dues = sorted(each.due for each in senders)
    assert dues[-1] - dues[0] > within_s / 2
    tenths = [int((due - dues[0]) / within_s * 10) for due in dues]
    assert max(map(tenths.count, tenths)) < 40
    for each, spool in zip(senders, spools, strict=True):
        each.close(5.0)
        spool.close()


def test_soonest(place: Collector, spool: Spool) -> None:
    """What is to be sent soon does not wait for what may come later."""
    made = Sender("otlp+http://here:4318", spool, place.deliver)
    begin = time.monotonic()
    made.wake(300.0)
    first = made.due
    made.wake(3600.0)
    assert begin <= made.due <= first


def test_away(
    sender: Callable[[], Sender],
    place: Collector,
    spool: Spool,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """It is tried again with the same token, and said once; then that it works."""
    place.error = UndeliveredError("Connection refused")
    made = sender()
    put(spool, b"1")
    made.wake()
    wait_until(lambda: len(place.tokens) > 3, "some tries")
    place.error = None
    wait_until(lambda: place.got == [b"1"], "its return")
    made.close(5.0)
    assert len(set(place.tokens)) == 1
    here = "otlp+http://here:4318"
    assert capfd.readouterr().err.splitlines() == [
        (
            f"tcpconnect: can't write to {here} now: Connection refused; attempts wait "
            f"in '{spool.path}', and are sent when it works again"
        ),
        f"tcpconnect: {here} can be written to again",
    ]


def test_retry_after(
    sender: Callable[[], Sender], place: Collector, spool: Spool
) -> None:
    """A place says how long it wants to be left alone."""
    place.error = UndeliveredError("HTTP status 503", after=3600.0)
    made = sender()
    put(spool, b"1")
    made.wake()
    wait_until(lambda: place.tokens, "a try")
    put(spool, b"2")
    made.wake()
    made.close(0.2)
    assert len(place.tokens) == 1
    assert spool.left == 14


def test_refused(
    sender: Callable[[], Sender],
    place: Collector,
    spool: Spool,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """What is refused for good is dropped, counted, and said once and in total."""
    place.error = UndeliveredError("HTTP status 400", again=False)
    made = sender()
    put(spool, b"1")
    put(spool, b"2", SINGLE)
    made.wake()
    wait_until(lambda: len(place.tokens) == 2, "two tries")
    place.error, place.refused = None, 2
    put(spool, b"3")
    made.wake()
    wait_until(lambda: place.got, "a success")
    made.close(5.0)
    assert (made.sent, spool.left) == (5, 0)
    assert spool.dropped == {
        (WINDOWS, "it refused them"): 9,
        (SINGLE, "it refused them"): 7,
    }
    first, *totals = capfd.readouterr().err.splitlines()
    assert first.startswith("tcpconnect: otlp+http://here:4318 refuses")
    assert totals == [
        (
            "tcpconnect: in total, 7 attempts not sent one by one to "
            "otlp+http://here:4318: it refused them; its windows have them"
        ),
        (
            "tcpconnect: in total, 9 attempts not sent to otlp+http://here:4318: "
            "it refused them"
        ),
    ]


def test_left(
    sender: Callable[[], Sender],
    place: Collector,
    spool: Spool,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """What is not sent at the end waits for the next run, which sends it."""
    place.error = UndeliveredError("Connection refused")
    made = sender()
    put(spool, b"1")
    made.wake()
    wait_until(lambda: place.tokens, "a try")
    made.close(5.0)
    place.error = None
    assert capfd.readouterr().err.splitlines()[-1] == (
        "tcpconnect: 7 attempts for otlp+http://here:4318 wait in "
        f"'{spool.path}': Connection refused; the next start sends them"
    )
    sender().close(5.0)
    assert place.got == [b"1"]


def test_unreadable(
    sender: Callable[[], Sender],
    place: Collector,
    spool: Spool,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A block that is damaged is dropped; one that can't be read now waits."""
    put(spool, b"1")
    put(spool, b"2")
    first, second = sorted(tmp_path.glob("*-*"))
    os.truncate(first, 0)
    second.rename(tmp_path / "away")
    second.mkdir()
    made = sender()
    made.wake()
    wait_until(lambda: "Is a directory" in capfd.readouterr().err, "a failure")
    second.rmdir()
    (tmp_path / "away").rename(second)
    wait_until(lambda: place.got == [b"2"], "the second one")
    made.close(5.0)
    assert spool.dropped == {(WINDOWS, "its file was damaged"): 7}
