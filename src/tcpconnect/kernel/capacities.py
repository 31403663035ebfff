"""Which maps an object of attempts has, by what is wanted, and how large they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.kernel import pending
from tcpconnect.kernel.config import IMAGE, Detail
from tcpconnect.kernel.drops import MAX_DROPS

if TYPE_CHECKING:
    from tcpconnect.bpf.object import BpfObject
    from tcpconnect.settings import Settings

AS_IN_C = 0
MAX_FLOWS = 131072
MAX_VISITORS = 16384  # processes that connect to loopback addresses
# Calls of connect(): CONNECTING_SLOTS of config.bpf.h, and what has no slot.
CALLS = {"connecting": 8192, "connecting_more": 4096}
PROGRAMS = 5  # that send process records: those of process.bpf.h


def set_all(
    bpf: BpfObject,
    settings: Settings,
    details: Detail,
    *,
    calls: bool,
    drops: bool,
    preemptible: bool,
) -> None:
    """Set the capacities before the load; leave out what no code uses.

    (But those of filters.)
    """
    bpf.resize("ring", settings.ring_bytes)
    for wanted, maps in (
        (settings.track, pending.capacities()),
        (settings.count, {"flows": MAX_FLOWS, "histogram": AS_IN_C}),
        (calls, CALLS),
        (drops, {"drops": MAX_DROPS, "sought": AS_IN_C}),
        (Detail.START in details, {"visitors": MAX_VISITORS}),
        (preemptible, {"seen": AS_IN_C}),
        (details & IMAGE, {"images": AS_IN_C, "scratches": PROGRAMS}),
    ):
        if not wanted:
            bpf.leave_out_maps(*maps)
        for name, entries in maps.items():
            if wanted and entries != AS_IN_C:
                bpf.resize(name, entries)
