"""How long this process's BPF programs ran, as far as the kernel measures it."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from ctypes import byref, c_uint32

# Of struct bpf_prog_info, include/uapi/linux/bpf.h: run_time_ns is behind all that came
# before it. Linux commit 492ecee892c2 ("bpf: enable program stats"), v5.1.
TIME_AT, INFO_BYTES = 192, 208
ID, MARK = "prog_id:", "prog_type:"  # the second has no link


class RunTime:
    """Descriptors of the programs that are loaded now, of every object.

    It must be made before privileges are dropped: then /proc is ours.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._fds = [os.dup(fd) for fd in _programs()]

    def seconds(self) -> float | None:
        """Return how long they ran; None where kernel.bpf_stats_enabled is not set."""
        total = 0
        for fd in self._fds:
            info = ctypes.create_string_buffer(INFO_BYTES)
            size = c_uint32(INFO_BYTES)
            with suppress(OSError):
                self._library.bpf_obj_get_info_by_fd(fd, info, byref(size))
                total += int.from_bytes(info.raw[TIME_AT : TIME_AT + 8], "little")
        return total / 1e9 if total else None

    def close(self) -> None:
        """Close the descriptors."""
        while self._fds:
            os.close(self._fds.pop())


def _programs() -> list[int]:
    """Return a descriptor of each program that this process has.

    None where /proc shows them to root only, as for files with capabilities.
    """
    found: dict[str, int] = {}
    with suppress(PermissionError):
        for name in os.listdir("/proc/self/fdinfo"):
            with suppress(FileNotFoundError):  # of the folder itself
                with open(f"/proc/self/fdinfo/{name}", encoding="ascii") as file:
                    lines = file.read().splitlines()
                if any(line.startswith(MARK) for line in lines):
                    number = next(line for line in lines if line.startswith(ID))
                    found[number] = int(name)
    return [*found.values()]
