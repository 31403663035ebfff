"""A recording that is compressed: FILE.jsonl.zst."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tcpconnect import zstd
from tcpconnect.outputs.recording import Recording

if TYPE_CHECKING:
    from tcpconnect.batch import Batch

FLUSH_S = 0.5  # idle batches come once a second


class PackedRecording(Recording):
    """A recording in one frame of zstd.

    What was written a second ago can be read, even if the tool is killed.
    """

    def open(self) -> None:
        """Open the file, and import the library. Raises OutputError, UsageError."""
        self._zstd = zstd.library()
        super().open()
        self._frame = self._zstd.ZstdCompressor()
        self._holds = False  # bytes that were not written
        self._next = 0.0  # when they are, at the latest

    def write(self, batch: Batch) -> None:
        """Write the lines of a batch, or hold them for a moment."""
        super().write(batch)
        if self._holds and time.monotonic() >= self._next:
            super()._put(self._frame.flush(self._frame.FLUSH_BLOCK))
            self._holds = False
            self._next = time.monotonic() + FLUSH_S

    def _put(self, data: bytes) -> None:
        self._holds = True
        super()._put(self._frame.compress(data))

    def _finish(self) -> None:
        super()._put(self._end_frame())

    def _begin_again(self) -> None:
        super()._begin_again()
        self._end_frame()

    def _end_frame(self) -> bytes:
        """Return the end of a frame; the beginning of the next one is written at once.

        So a file that is empty was truncated.
        """
        self._holds, self._next = False, 0.0
        end: bytes = self._frame.flush(self._frame.FLUSH_FRAME)
        return end
