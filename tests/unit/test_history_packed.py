"""Latencies as bytes: nothing is lost, and broken ones break nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from tcpconnect.history.packed import (
    LAST,
    bucket_of,
    merged,
    pack,
    quantile_us,
    unpack,
)

LATENCIES = some.dictionaries(some.integers(0, LAST), some.integers(1, 1 << 40))


@given(LATENCIES)
def test_what_is_packed_is_unpacked(latencies: dict[int, int]) -> None:
    """For all counts."""
    assert unpack(pack(latencies)) == latencies


@given(LATENCIES, LATENCIES)
def test_sums(one: dict[int, int], other: dict[int, int]) -> None:
    """Merged are the sums by bucket."""
    both = unpack(merged([pack(one), pack(other)]))
    assert both == {n: one.get(n, 0) + other.get(n, 0) for n in {*one, *other}}


@given(some.binary(max_size=200))
def test_any_bytes_are_unpacked(packed: bytes) -> None:
    """A file may be damaged."""
    assert all(bucket <= LAST for bucket in unpack(packed))


def test_few_bytes() -> None:
    """Three buckets of a busy minute take eight bytes."""
    assert len(pack({9: 500, 10: 90, 11: 400})) == 8


def test_buckets() -> None:
    """Each holds latencies up to the double of its least."""
    assert [bucket_of(n) for n in (0, 1, 2, 3, 4, 1023, 1024)] == [0, 0, 1, 1, 2, 9, 10]
    assert bucket_of(1 << 80) == LAST


def test_quantiles() -> None:
    """The end of the bucket in which that share of attempts lies."""
    latencies = {9: 90, 12: 9, 20: 1}
    assert quantile_us(latencies, 0.5) == 1023
    assert quantile_us(latencies, 0.95) == 8191
    assert quantile_us(latencies, 1.0) == (1 << 21) - 1
    assert quantile_us({}, 0.5) == 0
