"""Latencies as a few bytes: how many attempts took how long.

A latency of 2^n to 2^(n+1)-1 us is in the bucket n; less than 1 us is in the first. Of
each bucket that has some: its number in a byte, then the count as a varint (seven bits
a byte, the lowest first, the high bit set in all but the last).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LAST = 63  # the bucket of all that is longer
_MAX_SHIFT = 63


def bucket_of(latency_us: int) -> int:
    """Return the bucket of a latency."""
    return min(max(latency_us, 1).bit_length() - 1, LAST)


def pack(latencies: Mapping[int, int]) -> bytes:
    """Return buckets with their counts as bytes."""
    packed = bytearray()
    for bucket, count in sorted(latencies.items()):
        left = count
        packed.append(bucket)
        while left > 0x7F:
            packed.append(left & 0x7F | 0x80)
            left >>= 7
        packed.append(left)
    return bytes(packed)


def unpack(packed: bytes) -> dict[int, int]:
    """Return the counts by bucket; what is cut off, or no bucket, is left out."""
    latencies: dict[int, int] = {}
    rest = iter(packed)
    for bucket in rest:
        count = shift = 0
        for byte in rest:
            count |= (byte & 0x7F) << min(shift, _MAX_SHIFT)
            shift += 7
            if byte < 0x80:
                if bucket <= LAST:
                    latencies[bucket] = latencies.get(bucket, 0) + count
                break
    return latencies


def merged(some: Iterable[bytes]) -> bytes:
    """Return the sums of packed latencies."""
    sums: dict[int, int] = {}
    for packed in some:
        for bucket, count in unpack(packed).items():
            sums[bucket] = sums.get(bucket, 0) + count
    return pack(sums)


def quantile_us(latencies: Mapping[int, int], share: float) -> int:
    """Return what this share of attempts did not exceed: the end of a bucket; or 0."""
    rank = share * sum(latencies.values())
    seen = 0
    for bucket, count in sorted(latencies.items()):
        seen += count
        if seen and seen >= rank:
            return int(2 ** (bucket + 1) - 1)
    return 0
