"""The options about alerts, which the verb record has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcpconnect import alert_messages, messages
from tcpconnect.arguments import TIME, listed
from tcpconnect.errors import UsageError, did_you_mean
from tcpconnect.options.option import Option
from tcpconnect.output import STDOUT_NAME
from tcpconnect.values import Value

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tcpconnect.transport.target import Target

KINDS = ("new", "failing")


def kinds(text: str) -> frozenset[str]:
    """Read a list of kinds of alerts. Raises UsageError."""
    for word in (words := listed(text)):
        if word not in KINDS:
            expected, near = ", ".join(KINDS), did_you_mean(word, KINDS)
            message = messages.INVALID_CHOICE
            raise UsageError(message, value=word, expected=expected, near=near)
    return frozenset(words)


def notify(text: str) -> set[Target]:
    """Read a place of alerts. Raises UsageError."""
    from tcpconnect.transport.target import target

    return {target(text)}


ALERTS = (
    Option(
        ("--alert",),
        "alert",
        "print alerts on stdout as JSON: new for destinations that a program never "
        "had, failing for those where half of the attempts fail",
        Value("LIST", kinds, completion="list", words=KINDS),
    ),
    Option(
        ("--learn",),
        "learn_s",
        "with --alert new: learn each program for TIME before its first alert "
        "(in s, default 24h)",
        TIME,
    ),
    Option(
        ("--baseline",),
        "baseline",
        "with --alert new: FILE, of tcpconnect history -j, has what is known already",
        Value("FILE", completion="file"),
    ),
    Option(
        ("--notify",),
        "notify",
        "with --alert: send alerts to PLACE, too: exec:/PATH, http://HOST:PORT "
        "(Alertmanager), otlp+http://HOST:PORT (OpenTelemetry). May be given again",
        Value("PLACE", notify),
        repeats=True,
    ),
)
OF_NEW = {"learn_s": "--learn", "baseline": "--baseline"}
OF_ALL = {**OF_NEW, "notify": "--notify"}


def check_alerts(given: Mapping[str, Any]) -> None:
    """Refuse options about alerts that nobody asked for. Raises UsageError."""
    asked: Collection[str] = given.get("alert", ())
    if asked and STDOUT_NAME in given.get("outputs", ()):
        raise UsageError(alert_messages.ALERTS_ON_STDOUT)
    for member, option in OF_ALL.items():
        needed = KINDS[0] if member in OF_NEW else ""
        if member in given and not (needed in asked if needed else asked):
            message, needed = alert_messages.NEEDS_ALERT, needed or "new,failing"
            raise UsageError(message, option=option, kinds=needed)
