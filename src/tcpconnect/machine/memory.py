"""The memory of this process."""

import ctypes
import gc
from contextlib import suppress


def settle() -> None:
    """Give back what the start needed. musl has no malloc_trim()."""
    gc.collect()
    gc.freeze()  # what is there stays
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
