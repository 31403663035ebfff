"""Bodies of requests, compressed as HTTP has it."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from tcpconnect import zstd

if TYPE_CHECKING:
    from collections.abc import Callable

NONE, GZIP, ZSTD = "none", "gzip", "zstd"
WITH_HEADER = 31  # of gzip; the largest window
LEVEL = 1
# How a body begins; one without compression is JSON.
MAGIC = {GZIP: b"\x1f\x8b", ZSTD: zstd.MAGIC}


def gzipped(body: bytes) -> bytes:
    """Return a body for Content-Encoding: gzip."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, WITH_HEADER)
    return packer.compress(body) + packer.flush()


def packer(name: str) -> Callable[[bytes], bytes]:
    """Return what compresses a body. Raises UsageError without the library."""
    if name == NONE:
        return bytes
    if name == GZIP:
        return gzipped
    compress: Callable[[bytes, int], bytes] = zstd.library().compress
    return lambda body: compress(body, LEVEL)


def encoding(body: bytes) -> dict[str, str]:
    """Return the header of a body: it may wait since a run that packed otherwise."""
    for name, magic in MAGIC.items():
        if body.startswith(magic):
            return {"Content-Encoding": name}
    return {}
