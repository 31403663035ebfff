"""The messages about OTEL_*: what the environment says of collectors."""

from __future__ import annotations

from tcpconnect.errors import Message

INVALID_COLLECTOR = Message(
    "invalid endpoint in {name}", "{reason}", "write http://HOST:4318"
)
INVALID_VARIABLE = Message("invalid {name} {value!r}", "{reason}")
OTHER_PROTOCOL = Message("{name} is {value!r}, but {ours} is sent")
OTHER_TEMPORALITY = Message("{name} is {value!r}, but totals (cumulative) are sent")
KEY_ALONE = Message(
    "{name} is set, but no client certificate",
    "a key without one is of no use",
    "set {other}, too",
)
