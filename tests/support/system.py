"""The C library, commands, and constants of the kernel."""

from __future__ import annotations

import ctypes
import os
import subprocess

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWNET = 0x00020000, 0x04000000, 0x40000000
MS_BIND, MNT_DETACH = 4096, 2


def sh(command: str) -> None:
    """Run a command line of ip(8) and the like; it must succeed."""
    subprocess.run(command.split(), check=True, stdin=subprocess.DEVNULL)


def ip_batch(commands: str, *options: str) -> None:
    """Run lines of ip(8), all of which must succeed, in one process."""
    subprocess.run(["ip", *options, "-batch", "-"], check=True, input=commands.encode())


def checked(result: int) -> None:
    """Raise OSError when a function of the C library has returned no 0."""
    if result:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
