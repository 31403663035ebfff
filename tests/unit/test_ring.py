"""The reader of ring buffers, on memory laid out as the kernel lays it out."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpconnect.bpf.ring import ALIGNMENT, BATCH_RECORDS, HEADER_BYTES, Ring
from tcpconnect.kernel.records import CONNECTION
from tests.support.producer import Producer, Reserved, opened, stride
from tests.support.properties import steady

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcpconnect.bpf.ring import Run

SMALL = 4096  # bytes of a ring that is soon full
LARGE = 1 << 18  # bytes of a ring with room for more than a batch


@pytest.fixture(autouse=True)
def _no_endless_loop() -> Iterator[None]:
    """Fail, rather than hang, where a mistake makes the reader go in circles."""

    def give_up(*_: object) -> NoReturn:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def pair() -> Iterator[tuple[Producer, Ring]]:
    """A producer and a reader of one ring."""
    with opened(LARGE) as both:
        yield both


@pytest.fixture
def producer(pair: tuple[Producer, Ring]) -> Producer:
    """The producer of the pair."""
    return pair[0]


@pytest.fixture
def ring(pair: tuple[Producer, Ring]) -> Ring:
    """The reader of the pair."""
    return pair[1]


def records_of(runs: list[Run]) -> list[bytes]:
    """Return the records of runs without their headers."""
    return [
        run.framed[start + HEADER_BYTES :][: run.length]
        for run in runs
        for start in range(0, len(run.framed), stride(run.length))
    ]


def read_all(ring: Ring) -> list[bytes]:
    """Return all records until there are no more."""
    records = []
    while runs := ring.read():
        records += records_of(runs)
    return records


def numbered(count: int, length: int = 16) -> list[bytes]:
    """Return distinct records of one length."""
    return [n.to_bytes(4, "little").ljust(length, b".") for n in range(count)]


def test_empty(producer: Producer, ring: Ring) -> None:
    """Nothing is read where nothing was written."""
    assert ring.read() == []
    assert producer.consumed == 0


def test_records_come_once_in_order(producer: Producer, ring: Ring) -> None:
    """Records are read as they were written, and only once."""
    written = numbered(10)
    producer.write(*written)
    assert records_of(ring.read()) == written
    assert ring.read() == []


def test_room_is_given_back(producer: Producer, ring: Ring) -> None:
    """After the read the kernel may write over what was read, but for the last.

    For the first record that it does not precede, the kernel would wake us.
    """
    records = numbered(10)
    producer.write(*records)
    ring.read()
    assert producer.free == producer.size - stride(len(records[-1]))
    ring.release()
    assert producer.free == producer.size


def test_filling(producer: Producer, ring: Ring) -> None:
    """From a quarter on, the kernel says nothing more."""
    record = bytes(producer.size // 64 - HEADER_BYTES)
    for _ in range(15):
        producer.write(record)
    assert not ring.is_filling
    producer.write(record)
    assert ring.is_filling
    ring.read()
    assert not ring.is_filling


def test_what_was_read_stays(producer: Producer, ring: Ring) -> None:
    """Runs are copies: later records do not change them."""
    written = numbered(2)
    producer.write(*written)
    runs = ring.read()
    producer.write(*[b"x" * 16] * (producer.size // stride(16)))
    assert records_of(runs) == written


def test_records_of_one_length_are_one_run(producer: Producer, ring: Ring) -> None:
    """They can be unpacked in one go."""
    producer.write(*numbered(10))
    (run,) = ring.read()
    assert (run.length, len(run.framed)) == (16, 10 * stride(16))


def test_lengths_may_change(producer: Producer, ring: Ring) -> None:
    """A run ends where the length changes; the order stays."""
    written = [bytes([n]) * n for n in (16, 16, 24, 16, 5, 5, 6)]
    producer.write(*written)
    runs = ring.read()
    assert [run.length for run in runs] == [16, 24, 16, 5, 6]
    assert records_of(runs) == written


def test_data_is_not_taken_for_a_header(producer: Producer, ring: Ring) -> None:
    """A word inside a record that looks like a header of its length is data."""
    length = stride(16) + 16
    decoy = (16).to_bytes(4, "little") * (length // 4)
    written = [*numbered(3), decoy, *numbered(3)]
    producer.write(*written)
    assert records_of(ring.read()) == written


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, CONNECTION.length, 4416])
def test_length_is_that_of_the_record(
    producer: Producer, ring: Ring, length: int
) -> None:
    """Records are aligned; their padding is no part of them."""
    written = [b"a" * length, b"b" * length]
    producer.write(*written)
    assert records_of(ring.read()) == written


def test_busy_record_is_waited_for(producer: Producer, ring: Ring) -> None:
    """What stands behind a record that is still written is read after it."""
    first, second, third = numbered(3)
    producer.write(first)
    reserved = producer.reserve(second)
    producer.write(third)
    assert records_of(ring.read()) == [first]
    assert ring.read() == []
    ring.release()
    assert producer.consumed == reserved.position
    producer.mark(reserved)
    assert records_of(ring.read()) == [second, third]


def test_busy_record_is_given_up(producer: Producer, ring: Ring) -> None:
    """One that is not finished can be skipped: what stands behind it is read."""
    first, second, third = numbered(3)
    reserved = [producer.reserve(first), producer.reserve(second * 2)]
    producer.write(third)
    end = ring.written
    assert [ring.skip(), ring.skip()] == [16, 32]
    assert ring.holds(end)
    assert records_of(ring.read()) == [third]
    assert not ring.holds(end)
    ring.release()
    assert producer.free == producer.size
    for late in reserved:
        producer.mark(late)
    assert ring.read() == []


def test_what_comes_later_is_not_held(producer: Producer, ring: Ring) -> None:
    """Records behind a position do not count before it."""
    producer.write(*numbered(2))
    end = ring.written
    producer.write(*numbered(2))
    ring.read()
    assert not ring.holds(end)
    assert not ring.waiting


def test_batch_is_bounded(producer: Producer, ring: Ring) -> None:
    """A batch has at most BATCH_RECORDS records; the next one goes on from there."""
    written = numbered(BATCH_RECORDS + 3)
    producer.write(*written)
    assert records_of(ring.read()) == written[:BATCH_RECORDS]
    assert records_of(ring.read()) == written[BATCH_RECORDS:]


def test_batch_of_several_lengths_is_bounded(producer: Producer, ring: Ring) -> None:
    """All runs of a batch count together."""
    written = [b"x" * (8 + n % 2) for n in range(BATCH_RECORDS + 3)]
    producer.write(*written)
    assert records_of(ring.read()) == written[:BATCH_RECORDS]


def test_backlog_tells_of_a_full_batch(producer: Producer, ring: Ring) -> None:
    """When a batch was full there may be more, and no reason to wait."""
    producer.write(*numbered(BATCH_RECORDS + 1))
    actual = [(bool(ring.read()), ring.backlog) for _ in range(3)]
    assert actual == [(True, True), (True, False), (False, False)]


def test_full_ring(producer: Producer, ring: Ring) -> None:
    """A ring without a free byte is read to its end."""
    written = numbered(producer.size // stride(56), length=56)
    producer.write(*written)
    assert producer.free == 0
    assert read_all(ring) == written


@pytest.mark.parametrize("cut", range(0, stride(CONNECTION.length), ALIGNMENT))
def test_wrap_around(cut: int) -> None:
    """Wherever the end of the ring cuts a record, it comes out whole."""
    position = SMALL - 10 * stride(CONNECTION.length) - cut
    written = numbered(SMALL // stride(CONNECTION.length), length=CONNECTION.length)
    with opened(SMALL, position) as (producer, ring):
        producer.write(*written)
        assert records_of(ring.read()) == written


@pytest.mark.parametrize("position", [2**32 - 64, 2**40, 2**63 - SMALL])
def test_positions_have_64_bits(position: int) -> None:
    """Positions only grow, and pass 4 GiB."""
    written = numbered(20)
    with opened(SMALL, position) as (producer, ring):
        producer.write(*written)
        assert records_of(ring.read()) == written
        ring.release()
        assert producer.consumed == position + 20 * stride(16)


def test_closing_twice_is_harmless() -> None:
    """A reader that is closed can be closed again."""
    with opened(SMALL) as (_, ring):
        ring.close()


def reserve_what_fits(producer: Producer, records: list[bytes]) -> list[Reserved]:
    """Reserve records in order until one does not fit."""
    reserved = []
    for record in records:
        if producer.free < stride(len(record)):
            break
        reserved.append(producer.reserve(record))
    return reserved


# A step of a history: the lengths of records, and which of them is committed only after
# the next read, if there are as many.
STEP = st.tuples(st.lists(st.integers(0, 100), max_size=12), st.integers(0, 12))


@given(start=st.integers(0, 1000), steps=st.lists(STEP, max_size=20))
@steady
def test_any_history(start: int, steps: list[tuple[list[int], int]]) -> None:
    """Whatever is written and read in turn, all comes out once and in order."""
    written: list[bytes] = []
    read: list[bytes] = []
    with opened(SMALL, start * ALIGNMENT) as (producer, ring):
        for number, (lengths, late) in enumerate(steps):
            records = [bytes([number]) * length for length in lengths]
            reserved = reserve_what_fits(producer, records)
            written += records[: len(reserved)]
            for one in reserved[:late] + reserved[late + 1 :]:
                producer.mark(one)
            read += records_of(ring.read())
            for one in reserved[late : late + 1]:
                producer.mark(one)
        read += read_all(ring)
    assert read == written
