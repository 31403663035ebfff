"""DNS over TCP: messages reassembled from segments."""

from __future__ import annotations

from collections import OrderedDict

MAX_STREAMS = 1024
MAX_KEPT = 8 << 20  # bytes of all streams: with names (namestore.py) less than 64 MB
# CPython's overhead besides the bytes.
STREAM_BYTES, SEGMENT_BYTES = 1024, 192
MAX_BYTES = 1 << 17  # of incomplete messages of one stream: two of 64 KiB
MAX_EARLY = 512  # segments of one stream that came before an earlier one
SEQUENCES = 1 << 32
HEADER = 12  # of a message, its smallest size


class _Stream:
    """The unread bytes before ``next_seq``, and early segments after it."""

    def __init__(self, next_seq: int) -> None:
        self.next_seq = next_seq
        self.bytes = b""
        self.asked_ns = 0
        self.early: dict[int, bytes] = {}
        self.waiting = 0  # bytes of both
        self.counted = 0  # of its size, in that of all streams

    def lacks(self, seq: int) -> int:
        """Return how many bytes are missing before ``seq``."""
        ahead = (seq - self.next_seq) % SEQUENCES
        return ahead if ahead < SEQUENCES // 2 else 0

    def put(self, seq: int, data: bytes) -> None:
        """Append a segment, and early ones that now follow."""
        known = len(self.early.get(seq, b""))
        if len(data) > known:
            self.early[seq] = data
            self.waiting += len(data) - known
        if self.lacks(seq):
            return
        while ready := [early for early in self.early if not self.lacks(early)]:
            for early in ready:
                known = (self.next_seq - early) % SEQUENCES
                segment = self.early.pop(early)
                fresh = segment[known:]
                self.bytes += fresh
                self.waiting += len(fresh) - len(segment)
                self.next_seq = (self.next_seq + len(fresh)) % SEQUENCES

    @property
    def size(self) -> int:
        """The approximate number of bytes that it uses."""
        return STREAM_BYTES + SEGMENT_BYTES * len(self.early) + self.waiting

    @property
    def too_large(self) -> bool:
        """Whether it has more unread bytes or segments than a stream may."""
        return self.waiting > MAX_BYTES or len(self.early) > MAX_EARLY

    def messages(self) -> tuple[list[bytes], bool]:
        """Remove the complete messages, and return them.

        Also returns whether a message can follow: an impossible length shows that the
        bytes are something else. Then all of them are dropped.
        """
        messages, at, in_step = [], 0, True
        while at + 2 <= len(self.bytes):
            start, size = at + 2, int.from_bytes(self.bytes[at : at + 2], "big")
            if size < HEADER:
                at, in_step = len(self.bytes), False
            elif start + size > len(self.bytes):
                break
            else:
                messages.append(self.bytes[start : start + size])
                at = start + size
        self.bytes = self.bytes[at:]
        self.waiting -= at
        return messages, in_step


class Streams:
    """Reassembly of many streams in bounded memory; the idlest are dropped first.

    A message follows its length, in two bytes (RFC 1035, 4.2.2).
    """

    def __init__(self) -> None:
        self._streams: OrderedDict[int, _Stream] = OrderedDict()
        self._bytes = 0
        self.cut = 0  # messages, or streams, that were dropped

    def add(
        self,
        socket: int,
        seq: int,
        next_seq: int,
        data: bytes,
        length: int,
        asked_ns: int,
    ) -> list[tuple[bytes, int]]:
        """Return the messages that a segment completes, and when they were asked for.

        ``next_seq`` is the first byte that the socket had not received when the segment
        came; ``data`` is the beginning of a payload of ``length`` bytes; ``asked_ns``
        is 0 if it is unknown.
        """
        stream = self._stream(socket, next_seq)
        cut = len(data) < length
        if cut:
            # The missing bytes never come: zeros replace them.
            data = data.ljust(min(length, MAX_BYTES), b"\0")
        stream.asked_ns = asked_ns or stream.asked_ns
        stream.put(seq, data)
        messages, in_step = stream.messages()
        self.cut += cut or not in_step or stream.too_large
        if stream.too_large:
            self._forget(socket)
        else:
            self._count(stream)
        return [(message, stream.asked_ns) for message in messages]

    def _stream(self, socket: int, next_seq: int) -> _Stream:
        """Return the stream of a socket; a new one begins at its next byte."""
        stream = self._streams.get(socket)
        if stream and stream.lacks(next_seq):
            # The socket has received a segment that we have not.
            self.cut += 1
            self._forget(socket)
            stream = None
        if stream is None:
            stream = self._streams[socket] = _Stream(next_seq)
        self._streams.move_to_end(socket)
        return stream

    def _count(self, stream: _Stream) -> None:
        """Count the bytes of a stream; if there are too many, drop other streams."""
        self._bytes += stream.size - stream.counted
        stream.counted = stream.size
        while self._bytes > MAX_KEPT or len(self._streams) > MAX_STREAMS:
            socket, idle = next(iter(self._streams.items()))
            self.cut += bool(idle.waiting)
            self._forget(socket)

    def _forget(self, socket: int) -> None:
        self._bytes -= self._streams.pop(socket).counted
