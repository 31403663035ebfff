"""Attempts that have not ended: the maps that keep them, and what is left in these."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.kernel.records import (
    ATTEMPT,
    CLAIM_BITS,
    ENDED,
    PENDING,
    SLOT,
    UNKNOWN,
)
from tcpconnect.machine.clock import kernel_ns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcpconnect.bpf.object import BpfObject
    from tcpconnect.settings import Settings

SWEEP = "attempt_sweep"  # runs for each element of these two, at the end
SLOTS, OVERFLOW = "slots", "overflow"
MAX_PENDING = 65536  # beside those that have a slot
SLOT_BITS = 14  # of the number of slots


def capacities() -> dict[str, int]:
    """Return those of the maps, to be set before the load."""
    return {OVERFLOW: MAX_PENDING, SLOTS: 1 << SLOT_BITS}


def attach(bpf: BpfObject) -> None:
    """Have those whose end was missed marked when tracing stops."""
    for name in (SLOTS, OVERFLOW):
        bpf.attach_to_elements(SWEEP, name)


def records(bpf: BpfObject, settings: Settings) -> Iterator[bytes]:
    """Yield the records of attempts that have not ended, with their age, oldest first.

    Those whose end was missed have no result. With ``slower_ms``, those that are
    younger, or were when they were found, are left out.
    """
    now = kernel_ns()
    for value in sorted(kept(bpf), key=_time_of):
        began, age, *who, result, ip, comm = ATTEMPT.unpack_from(value)
        if result == ENDED:
            result = UNKNOWN
        else:
            age = now - began
            result = PENDING if settings.wait_end or settings.count else result
        if age >= round(settings.slower_ms * 1e6):
            attempt = ATTEMPT.pack(began, age, *who, result, ip, comm)
            yield attempt + value[ATTEMPT.size :]


def kept(bpf: BpfObject) -> Iterator[bytes]:
    """Yield the records as the programs keep them."""
    slots = bpf.values(SLOTS, SLOT.size << SLOT_BITS)
    for tag, _, attempt in SLOT.iter_unpack(slots):
        if tag >> CLAIM_BITS:
            yield attempt
    for _, value in bpf.entries(OVERFLOW, 8, SLOT.size):
        yield SLOT.unpack(value)[-1]


def _time_of(record: bytes) -> int:
    return int.from_bytes(record[:8], "little")
