"""The catalogue of what is said about recordings that are read."""

from __future__ import annotations

from tcpconnect.errors import Message

NOT_OF_RECORDING = Message(
    "a recording can't be filtered by {option}", *("{reason}", "{remedy}")
)
