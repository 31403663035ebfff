"""The messages about alerts: their options, and what can't be sent or kept."""

from __future__ import annotations

from tcpconnect.errors import Message

INVALID_NOTIFY = Message(
    "invalid place of alerts {value!r}",
    "{reason}",
    "write exec:/PATH, http://HOST:PORT or otlp+http://HOST:PORT (or https)",
)
NO_NOTIFY_PROGRAM = Message(
    "can't run {path!r} for alerts", "{reason}", "name an executable file"
)
INVALID_HEADERS = Message(
    "invalid headers in {variable}", "{reason}", "write NAME=VALUE,NAME=VALUE"
)
CANT_SEND_ALERTS = Message("can't send alerts to {target}", "{reason}", "{remedy}")
ALERTS_SENT_AGAIN = Message("alerts are sent to {target} again")
ALERTS_DROPPED = Message("{n} alerts not sent to {target}", "{reason}")
