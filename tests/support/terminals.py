"""What programs have written to a terminal, or to a pipe."""

from __future__ import annotations

import os
import select
from contextlib import suppress

from tests.support.waiting import wait_until


def read_all(leader: int) -> bytes:
    """Return all that was written; nobody has the other end open any more.

    One read may have a part only: a thread of the kernel brings the text over.
    """
    seen = b""
    with suppress(OSError):  # EIO: there is no more
        while piece := os.read(leader, 1 << 16):
            seen += piece
    return seen


def read_until(fd: int, wanted: bytes) -> bytes:
    """Return what was written to a terminal, or a pipe, until this has come."""
    seen = bytearray()

    def has_come() -> bool:
        if select.select((fd,), (), (), 0)[0]:
            seen.extend(os.read(fd, 1 << 16))
        return wanted in seen

    wait_until(has_come, wanted.decode())
    return bytes(seen)
