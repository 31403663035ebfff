"""DNS over TCP: messages put together from the segments of their streams."""

from __future__ import annotations

from collections import OrderedDict

MAX_STREAMS = 1024
MAX_BYTES = 1 << 17  # of one stream that wait for more: two messages of 64 KiB
SEQUENCES = 1 << 32


class _Stream:
    """The bytes from ``next_seq`` on, as far as they are known."""

    def __init__(self, seq: int) -> None:
        self.next_seq = seq
        self.bytes = b""
        self.asked_ns = 0
        self.early: dict[int, bytes] = {}


class Streams:
    """Reassembly of many streams in bounded memory: the oldest go first.

    A message has its length before it, in two bytes (RFC 1035, 4.2.2).
    """

    def __init__(self) -> None:
        self._streams: OrderedDict[int, _Stream] = OrderedDict()
        self.cut = 0  # messages, or streams, that were given up

    def add(
        self, socket: int, seq: int, data: bytes, length: int, asked_ns: int
    ) -> list[tuple[bytes, int]]:
        """Return the messages that a segment completes, and when they were asked for.

        ``data`` is the beginning of a payload of ``length`` bytes; ``asked_ns`` is 0
        where it is not known.
        """
        stream = self._streams.get(socket)
        if stream is None:
            stream = self._streams[socket] = _Stream(seq)
            if len(self._streams) > MAX_STREAMS:
                self._streams.popitem(last=False)
        if len(data) < length:
            # What is missing never comes: the message that it is part of is lost.
            self.cut += 1
            data = data.ljust(min(length, MAX_BYTES), b"\0")
        stream.asked_ns = asked_ns or stream.asked_ns
        self._put(stream, seq, data)
        if len(stream.bytes) + sum(map(len, stream.early.values())) > MAX_BYTES:
            self.cut += 1
            del self._streams[socket]
            return []
        return [(message, stream.asked_ns) for message in _messages(stream)]

    def _put(self, stream: _Stream, seq: int, data: bytes) -> None:
        """Append a segment, and those that came early and now follow."""
        stream.early[seq] = data
        while True:
            for early in sorted(stream.early):
                ahead = (early - stream.next_seq) % SEQUENCES
                if ahead == 0 or ahead > SEQUENCES // 2:
                    break
            else:
                return
            segment = stream.early.pop(early)
            fresh = segment[(stream.next_seq - early) % SEQUENCES :]
            stream.bytes += fresh
            stream.next_seq = (stream.next_seq + len(fresh)) % SEQUENCES


def _messages(stream: _Stream) -> list[bytes]:
    messages = []
    while len(stream.bytes) >= 2:
        end = 2 + int.from_bytes(stream.bytes[:2], "big")
        if len(stream.bytes) < end:
            break
        messages.append(stream.bytes[2:end])
        stream.bytes = stream.bytes[end:]
    return messages
