"""What the tracer sends to the screen: messages, each with its length before it.

The screen believes nothing: lengths, numbers and texts are bounded when it decodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = 4  # bytes of a length, little-endian
MAX_MESSAGE = 4 << 20  # bytes
MAX_TEXT = 256  # characters
MAX_ROWS = 1024  # of a message
MAX_LATEST = 4  # attempts of each row
MAX_FAILURES = 1000
MAX_SECONDS = 60
MAX_OUTCOMES = 16

Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
Number = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Time = Annotated[float, msgspec.Meta(ge=0, le=1e12)]


class StreamError(Exception):
    """What came is no message."""


class Program(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Who connects: a name, what it is the name of, and that of the thread.

    ``kind``: pod, container, unit, or comm: then the name is that of what runs.
    """

    name: Text
    kind: Text
    comm: Text


class Attempt(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An attempt: ``time`` is when it ended, ``began`` when it began, since the epoch.

    ``elapsed`` are seconds between the first attempt and this one. RESULT with WHY is
    its outcome.
    """

    time: Time
    program: Program
    pid: Number
    destination: Text
    address: Text
    port: Port
    outcome: Text
    failed: bool
    latency_ms: Time | None
    began: Time = 0.0
    elapsed: Time = 0.0
    uid: Number = 0
    lport: Port | None = None


class Row(msgspec.Struct, array_like=True):
    """The attempts of a program to a destination.

    ``known`` is of how many the result is; ``latency_ms`` is the sum of ``measured``
    ones; ``last`` when the last one was seen. ``outcomes`` has how often each failure
    came.
    """

    program: Program
    destination: Text
    address: Text
    port: Port
    attempts: Number = 0
    failed: Number = 0
    known: Number = 0
    latency_ms: Time = 0.0
    measured: Number = 0
    max_ms: Time = 0.0
    last: Time = 0.0
    outcomes: Annotated[dict[Text, Number], msgspec.Meta(max_length=MAX_OUTCOMES)] = {}
    latest: Annotated[list[Attempt], msgspec.Meta(max_length=MAX_LATEST)] = []


class Second(msgspec.Struct, array_like=True, gc=False):
    """How many attempts were seen in a second since the epoch."""

    second: Number
    attempts: Number = 0
    failed: Number = 0


class Begin(msgspec.Struct, tag="begin", array_like=True):
    """Where attempts come from.

    ``whole``: a file, which is one interval; ``percent`` of it was read until now.
    """

    host: Text
    options: Text
    whole: bool = False
    percent: Number = 100


class Tick(msgspec.Struct, tag="tick", array_like=True):
    """What was seen since the last one.

    ``time`` is now, since the epoch, and ``began`` when the first attempt was seen.
    ``lost`` are all attempts lost until now, ``others`` those that are in no row.
    """

    time: Time
    began: Time
    lost: Number
    others: Number
    rows: Annotated[list[Row], msgspec.Meta(max_length=MAX_ROWS)]
    seconds: Annotated[list[Second], msgspec.Meta(max_length=MAX_SECONDS)]
    failures: Annotated[list[Attempt], msgspec.Meta(max_length=MAX_FAILURES)]


class End(msgspec.Struct, tag="end", array_like=True):
    """The trace is over; nothing follows."""


Message = Begin | Tick | End

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Message).decode


def encode(message: Message) -> bytes:
    """Return a message with its length before it."""
    data = _encode(message)
    return len(data).to_bytes(HEAD, "little") + data


class Reader:
    """Makes messages of the bytes of a pipe."""

    def __init__(self) -> None:
        self._data = bytearray()

    def messages(self, data: bytes) -> Iterator[Message]:
        """Yield the messages that these bytes complete. Raises StreamError."""
        self._data += data
        while len(self._data) >= HEAD:
            length = int.from_bytes(self._data[:HEAD], "little")
            if length > MAX_MESSAGE:
                raise StreamError("a message is too long")
            if len(self._data) < HEAD + length:
                return
            body = bytes(self._data[HEAD : HEAD + length])
            del self._data[: HEAD + length]
            try:
                yield _decode(body)
            except (ValueError, RecursionError) as error:
                raise StreamError(str(error)) from error
