"""The questions that are not about rows of attempts, and what may be asked with them.

An option that another question would ignore is refused: what it means is not done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tcpconnect import history_messages
from tcpconnect.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_ANYWHERE = {"db", "verbose"}
_FORMATS = {"format", "json", "color", "wide"}


class Question(NamedTuple):
    """The members that its options set, beside its own, and why there are no others."""

    takes: frozenset[str]
    reason: str


# By its member.
QUESTIONS = {
    "alerts": Question(
        frozenset(
            {"since", "until", "columns", "limit", "sql", *_FORMATS}
            | {"programs", "ports", "not_ports", "to_names"}
        ),
        "an alert is about a program and a destination with its port",
    ),
    "status": Question(
        frozenset({"since", *_FORMATS}), "it is about all that was recorded"
    ),
    "forget": Question(frozenset(), "it deletes all rows of the name"),
}


def check_taken(question: str, typed: Mapping[str, str]) -> None:
    """Refuse options that one of QUESTIONS does not take. Raises UsageError.

    ``typed`` has the names of the options that are given, by their members.
    """
    takes, reason = QUESTIONS[question]
    for member, option in typed.items():
        if member not in takes | _ANYWHERE | {question}:
            raise UsageError(
                history_messages.NOT_WITH,
                option=option,
                question=typed[question],
                reason=reason,
            )
