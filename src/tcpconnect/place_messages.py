"""The messages about places of -o, and who writes to them."""

from __future__ import annotations

from tcpconnect.errors import Message

UNKNOWN_PLACE = Message("unknown place {place!r}", "", "{remedy}, or ./FILE for a file")
COUNTS_TO_HISTORY = Message(
    "-c conflicts with {place!r}", "a history counts attempts itself", "omit -c"
)
RUNNING_AS = Message("recording as user {name!r}")
