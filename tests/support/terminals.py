"""What programs have written to a terminal."""

from __future__ import annotations

import os
from contextlib import suppress


def read_all(leader: int) -> bytes:
    """Return all that was written; nobody has the other end open any more.

    One read may have a part only: a thread of the kernel brings the text over.
    """
    seen = b""
    with suppress(OSError):  # EIO: there is no more
        while piece := os.read(leader, 1 << 16):
            seen += piece
    return seen


def read_until(leader: int, wanted: bytes) -> bytes:
    """Return what was written until this came. Raises OSError if it did not."""
    seen = b""
    while wanted not in seen:
        seen += os.read(leader, 1 << 16)
    return seen
