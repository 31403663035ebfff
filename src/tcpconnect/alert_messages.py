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
INVALID_PROXY = Message(
    "invalid proxy of {scheme}",
    "{reason}",
    "set {scheme_upper}_PROXY=http://HOST:PORT, or NO_PROXY",
)
CANT_SEND_ALERTS = Message("can't send alerts to {target}", "{reason}", "{remedy}")
CANT_KEEP_ALERTS = Message("can't keep alerts in {path!r}", "{reason}", "{remedy}")
INVALID_BASELINE = Message(
    "invalid baseline {name}, line {line}",
    "{reason}",
    "name a file that tcpconnect history -j has printed",
)
NEEDS_ALERT = Message(
    "{option} needs --alert {kinds}", "it is about alerts", "add --alert {kinds}"
)
ALERTS_ON_STDOUT = Message(
    "--alert conflicts with -o -", "alerts are lines of stdout", "write to a file"
)
TOO_MANY_NEW = Message(
    "{n} new destinations were not reported",
    "a program has more than {limit} of them",
    "look at tcpconnect history --new",
)
TOO_MANY_KNOWN = Message(
    "{n} destinations may be reported as new again",
    "alerts know at most {limit}",
    "record less, with -u, -P or --not-to",
)
TOO_MANY_COUNTED = Message(
    "{n} attempts were not looked at for failures",
    "more than {limit} destinations were tried at once",
    "record less, with -u, -P or --not-to",
)
TOO_MANY_FAILING = Message(
    "destinations that fail were not reported, {n} times",
    "more than {limit} fail at once",
    "look at tcpconnect history --failing",
)
ALERTS_SENT_AGAIN = Message("alerts are sent to {target} again")
ALERTS_DROPPED = Message("{n} alerts not sent to {target}", "{reason}")
