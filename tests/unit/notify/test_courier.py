"""Couriers: each alert once it can be sent, and nobody waits for them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tcpconnect.alerts.alert import Alert, Notice
from tcpconnect.notify import channel
from tcpconnect.notify.channel import Courier
from tcpconnect.output import ReaderGoneError
from tcpconnect.transport.undelivered import UndeliveredError
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable


def notice(number: int) -> Notice:
    """Return a notice."""
    return Notice(
        f"{number}",
        Alert(kind="new", time=1, text="", program="a", destination="b", dport=1),
    )


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr(channel, "PAUSES_S", (0.001,))


class Place:
    """Takes notices while ``works``; knows what was sent, and what is done."""

    def __init__(self) -> None:
        self.works = threading.Event()
        self.works.set()
        self.again = True
        self.tries = 0
        self.got: list[str] = []
        self.done: list[str] = []

    def send(self, notice: Notice) -> None:
        """Take a notice. Raises UndeliveredError."""
        self.tries += 1
        if not self.works.is_set():
            raise UndeliveredError("it is gone", again=self.again)
        self.got.append(notice.id)

    def lines(self, courier: Courier) -> list[str]:
        """Return what a courier says."""
        return [str(line) for line in courier.warnings.take()]


def test_in_their_order() -> None:
    """Each once; then it is done."""
    place = Place()
    courier = Courier("x", place.send, place.done.append)
    courier.start()
    for number in range(100):
        courier.put(notice(number))
    courier.close(10)
    assert place.got == place.done == [str(number) for number in range(100)]
    assert place.lines(courier) == []


def test_a_place_that_is_gone_for_a_while() -> None:
    """It is tried again; both are said, once."""
    place = Place()
    place.works.clear()
    courier = Courier("x", place.send, place.done.append)
    courier.start()
    courier.put(notice(1))
    courier.put(notice(2))
    wait_until(lambda: place.tries > 3, "some tries")
    place.works.set()
    wait_until(lambda: len(place.done) == 2, "both")
    courier.close(10)
    assert place.got == place.done == ["1", "2"]
    assert place.lines(courier) == [
        "can't send alerts to x: it is gone; it is tried again",
        "alerts are sent to x again",
    ]


def test_what_was_not_sent_at_the_end_is_kept() -> None:
    """It is not done: the next run sends it."""
    place = Place()
    place.works.clear()
    courier = Courier("x", place.send, place.done.append)
    courier.start()
    courier.put(notice(1))
    courier.put(notice(2))
    wait_until(lambda: place.tries > 1, "some tries")
    courier.close(10)
    assert place.done == []


@pytest.mark.parametrize(("again", "tries"), [(True, 3), (False, 1)])
def test_given_up(*, again: bool, tries: int) -> None:
    """After some tries, or where it makes no sense; it is counted."""
    place = Place()
    place.works.clear()
    place.again = again
    courier = Courier("x", place.send, place.done.append, tries=3)
    courier.start()
    courier.put(notice(1))
    wait_until(lambda: place.done, "the end of it")
    assert place.tries == tries
    assert place.lines(courier)[-1] == "1 alerts not sent to x: it is gone"
    courier.close(10)
    assert place.lines(courier) == []


def test_too_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are dropped, and counted; nobody waits."""
    monkeypatch.setattr(channel, "ROOM", 3)
    place = Place()
    hold = threading.Event()

    def send(notice: Notice) -> None:
        hold.wait()
        place.send(notice)

    courier = Courier("x", send, place.done.append)
    courier.start()
    courier.put(notice(0))
    wait_until(lambda: not courier._waiting, "the first one")  # noqa: SLF001
    for number in range(1, 10):
        courier.put(notice(number))
    hold.set()
    courier.close(10)
    assert place.got == ["0", "7", "8", "9"]
    said = " alerts not sent to x: 3 wait for it"
    assert place.lines(courier) == [f"1{said}", f"6{said}"]


def test_no_reader() -> None:
    """What is no refusal of the place ends it, and keeps what waits."""

    def send(_: Notice) -> None:
        raise ReaderGoneError

    place = Place()
    courier = Courier("x", send, place.done.append)
    courier.start()
    courier.put(notice(1))
    courier.put(notice(2))
    courier.close(10)
    assert isinstance(courier.failure, ReaderGoneError)
    assert place.done == []


def test_stopped() -> None:
    """What still sends at the end is stopped, and kept: it did not fail."""
    place = Place()
    running, stop = threading.Event(), threading.Event()

    def send(_: Notice) -> None:
        running.set()
        stop.wait()
        raise UndeliveredError("killed", again=False)

    courier = Courier("x", send, place.done.append, stop=stop.set)
    courier.start()
    courier.put(notice(1))
    courier.put(notice(2))
    running.wait()
    courier.close(0)
    wait_until(lambda: not courier._busy, "its end")  # noqa: SLF001
    assert (place.done, place.lines(courier)) == ([], [])


def test_several_at_once() -> None:
    """As many as there are workers, and no more."""
    running = threading.Semaphore(0)
    go = threading.Event()

    def send(_: Notice) -> None:
        running.release()
        go.wait()

    courier = Courier("x", send, lambda _: None, workers=2)
    courier.start()
    for number in range(5):
        courier.put(notice(number))
    assert running.acquire(timeout=10)
    assert running.acquire(timeout=10)
    assert not running.acquire(timeout=0.05)
    go.set()
    courier.close(10)


def test_nothing_to_send() -> None:
    """A courier ends at once."""
    done: list[Callable[[], None]] = []
    courier = Courier("x", lambda _: None, done.append)  # type: ignore[arg-type]
    courier.start()
    courier.close(10)
    assert done == []
