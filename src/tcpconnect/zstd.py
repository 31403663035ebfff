"""zstd: the library, which is Python's own from 3.14 on, and what unpacks a stream."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tcpconnect import recorded_messages
from tcpconnect.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = bytes.fromhex("28b52ffd")  # RFC 8878, 3.1.1: how a frame begins
PIECE_BYTES = 1 << 20
LIBRARIES = ("compression.zstd", "backports.zstd")


def library() -> Any:
    """Return the library. Raises UsageError where there is none."""
    for name in LIBRARIES:
        try:
            return import_module(name)
        except ImportError:
            continue
    from tcpconnect.extras import installer

    raise UsageError(recorded_messages.NO_ZSTD, installer=installer())


class Unpacker:
    """Unpacks a stream of frames, in pieces of a bounded size."""

    def __init__(self) -> None:
        self._zstd = library()
        self._frame = self._zstd.ZstdDecompressor()

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Yield what ``data``, the next bytes, has. Raises ValueError."""
        try:
            yield from self._pieces(data)
        except self._zstd.ZstdError as error:
            raise ValueError(str(error)) from error

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        while True:
            if piece := self._frame.decompress(data, PIECE_BYTES):
                yield piece
            data = b""
            if self._frame.eof:
                data = self._frame.unused_data
                self._frame = self._zstd.ZstdDecompressor()
            if not data and self._frame.needs_input:
                return
