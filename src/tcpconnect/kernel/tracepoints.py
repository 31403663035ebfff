"""Tracepoints of perf, also where tracefs is not mounted."""

from __future__ import annotations

import os

from tcpconnect.kernel.uprobes import ATTRIBUTES, perf_event_open
from tcpconnect.machine.private_mount import mount_privately

TRACEFS = "/sys/kernel/tracing"
PERF_TYPE_TRACEPOINT = 2


def open_tracepoint(category: str, name: str) -> int:
    """Return a descriptor of perf's event of a tracepoint. Raises OSError."""
    path = f"events/{category}/{name}/id"
    try:
        number = _number(f"{TRACEFS}/{path}")
    except FileNotFoundError:
        root = mount_privately(b"tracefs")
        try:
            number = _number(path, root)
        finally:
            os.close(root)
    kind = (PERF_TYPE_TRACEPOINT, ATTRIBUTES.size, number, 0, 0)
    return perf_event_open(ATTRIBUTES.pack(*kind), 0)


def _number(path: str, folder: int | None = None) -> int:
    with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder), "rb") as file:
        return int(file.read())
