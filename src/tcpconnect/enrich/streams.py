"""DNS over TCP: messages put together from the segments of their streams."""

from __future__ import annotations

from collections import OrderedDict

MAX_STREAMS = 1024
MAX_BYTES = 1 << 17  # of one stream that wait for more: two messages of 64 KiB
MAX_EARLY = 512  # segments of one stream that wait for one before them
SEQUENCES = 1 << 32
HEADER = 12  # of a message: there is none that is shorter


class _Stream:
    """The bytes before ``next_seq`` that wait for more, and segments beyond it."""

    def __init__(self, next_seq: int) -> None:
        self.next_seq = next_seq
        self.bytes = b""
        self.asked_ns = 0
        self.early: dict[int, bytes] = {}

    def lacks(self, seq: int) -> int:
        """Return how many bytes are missing before ``seq``; 0 when none are."""
        ahead = (seq - self.next_seq) % SEQUENCES
        return ahead if ahead < SEQUENCES // 2 else 0

    def put(self, seq: int, data: bytes) -> None:
        """Append a segment, and those that came early and now follow."""
        if len(data) > len(self.early.get(seq, b"")):
            self.early[seq] = data
        while ready := [early for early in self.early if not self.lacks(early)]:
            for early in ready:
                known = (self.next_seq - early) % SEQUENCES
                fresh = self.early.pop(early)[known:]
                self.bytes += fresh
                self.next_seq = (self.next_seq + len(fresh)) % SEQUENCES

    @property
    def too_large(self) -> bool:
        """Whether more waits than is worth to be kept."""
        waiting = len(self.bytes) + sum(map(len, self.early.values()))
        return waiting > MAX_BYTES or len(self.early) > MAX_EARLY

    def messages(self) -> tuple[list[bytes], bool]:
        """Take the whole messages out of the bytes.

        Also returns whether what follows them can be one: a length that no message has
        shows that the bytes are something else. Then none of them stays.
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
        return messages, in_step


class Streams:
    """Reassembly of many streams in bounded memory: the oldest go first.

    A message has its length before it, in two bytes (RFC 1035, 4.2.2).
    """

    def __init__(self) -> None:
        self._streams: OrderedDict[int, _Stream] = OrderedDict()
        self.cut = 0  # messages, or streams, that were given up

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

        ``next_seq`` is the first byte that the socket lacked when the segment came;
        ``data`` is the beginning of a payload of ``length`` bytes; ``asked_ns`` is 0
        where it is not known.
        """
        stream = self._stream(socket, next_seq)
        cut = len(data) < length
        if cut:
            # What is missing never comes: zeros keep the place of what follows.
            data = data.ljust(min(length, MAX_BYTES), b"\0")
        stream.asked_ns = asked_ns or stream.asked_ns
        stream.put(seq, data)
        messages, in_step = stream.messages()
        if stream.too_large:
            del self._streams[socket]
        self.cut += cut or not in_step or stream.too_large
        return [(message, stream.asked_ns) for message in messages]

    def _stream(self, socket: int, next_seq: int) -> _Stream:
        """Return the stream of a socket; a new one begins where the socket is."""
        stream = self._streams.get(socket)
        if stream and stream.lacks(next_seq):
            # The socket has got a segment that we have not.
            self.cut += 1
            stream = None
        if stream is None:
            stream = self._streams[socket] = _Stream(next_seq)
            if len(self._streams) > MAX_STREAMS:
                self._streams.popitem(last=False)
        return stream
