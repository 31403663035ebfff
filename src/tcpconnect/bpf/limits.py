"""Limits that may keep the kernel from loading an object."""

from __future__ import annotations

import os

from tcpconnect import messages
from tcpconnect.bpf import libbpf
from tcpconnect.errors import KernelError
from tcpconnect.machine import capabilities
from tcpconnect.machine.capabilities import missing
from tcpconnect.machine.release import maps_are_locked_memory

MOST_DESCRIPTORS = 48  # of an object: its maps and programs


def require_descriptors() -> None:
    """Raise OSError if there are too few: libbpf would give another reason."""
    opened: list[int] = []
    try:
        while len(opened) < MOST_DESCRIPTORS:
            opened.append(os.open("/", os.O_PATH | os.O_CLOEXEC))
    finally:
        for fd in opened:
            os.close(fd)


def memory_refused() -> KernelError | None:
    """Return the error of a load that locked memory has kept from creating a map."""
    lacking = capabilities.lacking("CAP_SYS_RESOURCE")
    if not (lacking and maps_are_locked_memory() and _map_was_refused()):
        return None
    reason, remedy = missing(lacking)
    return KernelError(messages.CANT_LOCK_MEMORY, reason=reason, remedy=remedy)


def _map_was_refused() -> bool:
    """Whether libbpf failed to create a map; RLIMIT_MEMLOCK is named for root only."""
    return any(
        "RLIMIT_MEMLOCK" in line or "failed to create" in line for line in libbpf.said
    )
