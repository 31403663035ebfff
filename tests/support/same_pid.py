"""Processes that have the PID of one that has ended."""

from __future__ import annotations

import ctypes
import os
import signal
import struct
from typing import TYPE_CHECKING

from tests.support.system import libc

if TYPE_CHECKING:
    from collections.abc import Callable

CLONE3 = 435


def run_as(pid: int, work: Callable[[], object]) -> None:
    """Do some work in a process that has this PID (clone3(2), v5.5), and wait."""
    wanted = (ctypes.c_int * 1)(pid)
    args = (0, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, ctypes.addressof(wanted), 1, 0)
    packed = struct.pack("<11Q", *args)
    child = libc.syscall(CLONE3, packed, len(packed))
    if not child:
        try:
            work()
        except BaseException:  # noqa: BLE001
            os._exit(1)
        os._exit(0)
    assert child == pid, os.strerror(ctypes.get_errno())
    assert os.waitpid(pid, 0)[1] == 0


def free_pid() -> int:
    """Return a PID that was used a moment ago: the kernel continues from it."""
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    return pid
