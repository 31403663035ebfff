"""Bodies of requests, compressed as HTTP has it."""

from __future__ import annotations

import zlib

WITH_HEADER = 31  # of gzip; the largest window
LEVEL = 1


def gzipped(body: bytes) -> bytes:
    """Return a body for Content-Encoding: gzip."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, WITH_HEADER)
    return packer.compress(body) + packer.flush()
