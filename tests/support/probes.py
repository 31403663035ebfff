"""The probes that a process has in C libraries."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tcpconnect.kernel import lookups
from tcpconnect.kernel.lookups import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tcpconnect.batch import Batch

EVENTS = 2 * len(FUNCTIONS)  # of perf, for a library
LINKS = len(lookups.PROGRAMS)  # the same where the kernel has links for it


def probed(pid: int | str = "self") -> int:
    """Return in how many libraries a process has probes.

    They are links of their own type or, where the kernel has none, perf events.
    """
    links = events = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{name}")
            if "bpf_link" in target or "bpf-link" in target:
                text = Path(f"/proc/{pid}/fdinfo/{name}").read_text()
                links += "probe_multi" in text
            # Those of the CPUs are mapped.
            events += "[perf_event]" in target
        except FileNotFoundError:
            continue
    return links // LINKS or (events - (os.cpu_count() or 0)) // EVENTS


def looked(batches: Iterator[Batch], count: int) -> Callable[[], bool]:
    """Return whether so many libraries have probes, while the loop runs."""

    def look() -> bool:
        next(batches)
        return probed() == count

    return look
