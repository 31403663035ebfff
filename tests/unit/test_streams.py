"""DNS over TCP: segments put together, in bounded memory."""

from __future__ import annotations

import tracemalloc
from itertools import permutations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpconnect.enrich.streams import (
    MAX_BYTES,
    MAX_EARLY,
    MAX_KEPT,
    MAX_STREAMS,
    Streams,
)
from tests.support.properties import steady

if TYPE_CHECKING:
    from collections.abc import Iterator

    Segments = Iterator[tuple[int, bytes]]

START = 0xFFFFFFF0  # sequence numbers wrap around in the first message
SOCKET = 7


def message(number: int, size: int = 40) -> bytes:
    """Return a message that is like no other."""
    return bytes([number]) * size


def framed(*messages: bytes) -> bytes:
    """Return messages as TCP carries them."""
    return b"".join(len(m).to_bytes(2, "big") + m for m in messages)


class Peer:
    """A socket and its stream, by the records of its segments."""

    def __init__(self, stream: bytes, streams: Streams | None = None) -> None:
        self.streams = streams or Streams()
        self._stream = stream
        self._got: set[int] = set()

    def _taken(self) -> int:
        """Return how many bytes the socket has got without a gap."""
        return next(i for i in range(len(self._stream) + 1) if i not in self._got)

    def take(self, start: int, end: int) -> None:
        """Get a segment without a record."""
        self._got.update(range(start, end))

    def get(
        self, start: int, end: int, *, room: int = 4352, asked_ns: int = 0
    ) -> list[bytes]:
        """Get a segment; return the messages that it completes."""
        data, taken = self._stream[start:end], self._taken()
        self.take(start, end)
        seq, next_seq = ((START + at) % (1 << 32) for at in (start, taken))
        found = self.streams.add(
            SOCKET, seq, next_seq, data[:room], len(data), asked_ns
        )
        return [message for message, _ in found]

    def get_all(self, *bounds: tuple[int, int]) -> list[bytes]:
        """Get segments; return all messages."""
        return [message for bound in bounds for message in self.get(*bound)]


ONE, TWO = message(1), message(2, 100)
STREAM = framed(ONE, TWO)  # 42 bytes, then 102


def test_whole() -> None:
    """Messages in one segment are messages."""
    assert Peer(STREAM).get(0, 144) == [ONE, TWO]


def test_split() -> None:
    """The segments may be of any size."""
    for size in range(1, 144):
        bounds = [(at, min(at + size, 144)) for at in range(0, 144, size)]
        peer = Peer(STREAM)
        assert peer.get_all(*bounds) == [ONE, TWO], size
        assert peer.streams.cut == 0


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_order(order: tuple[int, ...]) -> None:
    """They may come in any order, the first one too."""
    bounds = [(0, 1), (1, 50), (50, 100), (100, 144)]
    peer = Peer(STREAM)
    assert peer.get_all(*(bounds[i] for i in order)) == [ONE, TWO]
    assert peer.streams.cut == 0


@steady
@given(
    st.lists(
        st.tuples(st.integers(0, 143), st.integers(1, 144)).map(
            lambda two: (two[0], max(two[0] + 1, two[1]))
        ),
        max_size=20,
    )
)
def test_any_segments(bounds: list[tuple[int, int]]) -> None:
    """They may overlap and be sent again, and end in the whole."""
    peer = Peer(STREAM)
    assert peer.get_all(*bounds, (0, 70), (70, 144)) == [ONE, TWO]
    assert peer.streams.cut == 0


def test_longer_one_is_kept() -> None:
    """Of two early segments that begin together the longer counts."""
    peer = Peer(STREAM)
    assert peer.get_all((0, 20), (100, 144), (100, 120), (20, 100)) == [ONE, TWO]


def test_streams_are_apart() -> None:
    """Each socket has its own stream."""
    streams = Streams()
    for socket in (1, 2):
        assert streams.add(socket, 0, 0, STREAM[:30], 30, 0) == []
    for socket in (2, 1):
        found = streams.add(socket, 30, 30, STREAM[30:], len(STREAM) - 30, 0)
        assert found == [(ONE, 0), (TWO, 0)]


def test_stream_that_is_under_way() -> None:
    """Tracing may begin in the midst of a connection, between two messages."""
    peer = Peer(STREAM)
    peer.take(0, 42)
    assert peer.get(42, 144) == [TWO]


def test_lost_record() -> None:
    """After a segment that was lost on the way to us, reading continues."""
    peer = Peer(STREAM + framed(message(3), message(4)))
    assert peer.get(0, 20) == []
    peer.take(20, 144)
    assert peer.get(144, 228) == [message(3), message(4)]
    assert peer.streams.cut == 1


def test_cut_segment() -> None:
    """What is beyond the room of a record is lost; the next message is read."""
    large = message(1, 500)
    peer = Peer(framed(large, ONE, TWO))
    (found,) = peer.get(0, 544, room=100)
    assert found == large[:98] + bytes(402)
    assert peer.streams.cut == 1
    assert peer.get(544, 646) == [TWO]


def test_cut_in_the_midst_of_a_message() -> None:
    """A message of which a part is missing keeps its length."""
    large = message(1, 500)
    peer = Peer(framed(large, TWO))
    assert peer.get(0, 400, room=100) == []
    assert peer.get(400, 604) == [large[:98] + bytes(300) + large[398:], TWO]
    assert peer.streams.cut == 1


def test_bytes_that_are_no_messages() -> None:
    """A length that no message has ends the reading of what there is; it is counted."""
    peer = Peer(framed(ONE) + bytes(1000) + framed(TWO))
    assert peer.get(0, 1042) == [ONE]
    assert peer.streams.cut == 1
    assert peer.get(1042, 1144) == [TWO]


def test_when_it_was_asked() -> None:
    """A message was asked for when its stream last knew."""
    streams = Streams()
    assert streams.add(1, 0, 0, STREAM[:50], 50, 5) == [(ONE, 5)]
    assert streams.add(1, 50, 50, STREAM[50:], 94, 0) == [(TWO, 5)]
    assert streams.add(1, 144, 144, STREAM[:42], 42, 9) == [(ONE, 9)]


def test_endless_message() -> None:
    """Of a stream no more than two messages of the largest size wait."""
    streams = Streams()
    size, hole = 1400, 1
    for at in range(hole, 3 * MAX_BYTES, size):
        assert streams.add(1, at, 0, bytes(size), size, 0) == []
    assert streams.cut == 2


def test_many_small_segments() -> None:
    """Nor do more segments wait than can be looked through quickly."""
    streams = Streams()
    for i in range(MAX_EARLY + 1):
        assert streams.add(1, 2 * i + 1, 0, b"?", 1, 0) == []
    assert streams.cut == 1


def half(size: int, *, early: int) -> Segments:
    """Return segments of a message that never ends, and those that came too early."""
    yield 0, framed(bytes(60_000))[:size]
    for i in range(early):
        yield size + 1 + 2 * i, b"?"


SHAPES = {
    "short beginnings": (4 * MAX_STREAMS, 1000, 0),
    "long beginnings": (MAX_STREAMS, 60_000, 0),
    "many small segments": (100, 2, MAX_EARLY),
}


@pytest.mark.parametrize(("number", "size", "early"), SHAPES.values(), ids=SHAPES)
def test_memory_is_bounded(number: int, size: int, early: int) -> None:
    """However many streams end in the midst of a message, few are kept.

    Each of the others is counted.
    """
    streams = Streams()
    tracemalloc.start()
    try:
        for socket in range(number):
            for seq, data in half(size, early=early):
                copy = bytes(bytearray(data))
                assert streams.add(socket, seq, 0, copy, len(data), 0) == []
        bytes_kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert bytes_kept < MAX_KEPT
    kept = number - streams.cut
    assert 0 < kept < number
    assert kept <= min(MAX_STREAMS, MAX_KEPT // (size + early))


def test_idle_stream_goes_first() -> None:
    """A stream that is in use stays, however many others there are."""
    streams = Streams()
    streams.add(1, 0, 0, STREAM[:10], 10, 0)
    for i in range(10 * MAX_STREAMS):
        streams.add(2 + i, 0, 0, STREAM, len(STREAM), 0)
        if i % 100 == 0:
            streams.add(1, 0, 0, STREAM[:10], 10, 0)
    assert streams.add(1, 10, 10, STREAM[10:42], 32, 0) == [(ONE, 0)]
    assert streams.cut == 0
