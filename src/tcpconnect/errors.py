"""The errors, with their exit codes.

Raise anywhere; only ``failure.explain`` prints.

* TcpconnectError (exit 1)

  - UsageError (exit 2): the options or arguments are wrong
  - PreflightError: this machine can't trace, with every reason at once
  - KernelError: the kernel or libbpf refused a step
  - OutputError: the output can't be written
  - CommandError (exit 126 or 127): the command can't be started
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, NewType

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable


# What this process, or the machine, may run out of, and the remedy.
SHORTAGES = {
    errno.EMFILE: ("file descriptors", "raise the limit: ulimit -n"),
    errno.ENFILE: ("file descriptors", "raise the limit: sysctl fs.file-max"),
    errno.EAGAIN: (
        "processes",
        "raise the limit: ulimit -u, or pids.max of its cgroup",
    ),
    errno.ENOMEM: ("memory", "free some memory"),
}


MOST_ALIKE = 255  # characters; comparing words takes quadratic time


Line = NewType("Line", str)  # a message with its values: what may be printed


class Message(msgspec.Struct, frozen=True):
    """A sentence, the reason and the remedy, with ``{places}`` for values."""

    sentence: str
    reason: str = ""
    remedy: str = ""

    def filled(self, **values: object) -> Message:
        """Return it with these values. Raises KeyError where one is missing."""
        parts = self.sentence, self.reason, self.remedy
        return Message(*(part.format(**values).strip() for part in parts))

    def line(self, **values: object) -> Line:
        """Return it with these values as ``sentence: reason; remedy``."""
        return Line(str(self.filled(**values)))

    def __str__(self) -> str:
        line = f"{self.sentence}: {self.reason}" if self.reason else self.sentence
        return f"{line}; {self.remedy}" if self.remedy else line


SEVERAL = Message("{problems}")


class TcpconnectError(Exception):
    """A message with its values, shown as one line."""

    exit_code = 1

    def __init__(self, message: Message, **values: object) -> None:
        filled = message.filled(**values)
        self.sentence = filled.sentence
        self.reason = filled.reason
        self.remedy = filled.remedy
        self.line = Line(str(filled))
        super().__init__(self.line)


class UsageError(TcpconnectError):
    """The options or arguments are wrong."""

    exit_code = 2


class PreflightError(TcpconnectError):
    """This machine can't trace. ``problems`` has one error for each reason."""

    def __init__(self, problems: list[TcpconnectError]) -> None:
        self.problems = problems
        every = "; ".join(problem.line for problem in problems)
        super().__init__(SEVERAL, problems=every)


class KernelError(TcpconnectError):
    """The kernel or libbpf refused a step."""


class OutputError(TcpconnectError):
    """The output can't be written."""


class CommandError(TcpconnectError):
    """The command can't be started; the exit codes are those of shells."""

    def __init__(self, message: Message, name: str, error: int) -> None:
        self.exit_code = 127 if error == errno.ENOENT else 126
        reason, remedy = os.strerror(error), remedy_for(error)
        super().__init__(message, name=name, reason=reason, remedy=remedy)


def remedy_for(error: int) -> str:
    """Return the remedy for a shortage, "" for any other errno."""
    _, remedy = SHORTAGES.get(error, ("", ""))
    return remedy


def masked(place: str) -> str:
    """Return a URL as messages may have it: without what may be a password."""
    scheme, mark, rest = place.partition("://")
    if mark and "@" in rest:
        return f"{scheme}://…@…"
    before, query, _ = rest.partition("?")
    return f"{scheme}://{before}?…" if query else place


def did_you_mean(word: str, known: Iterable[str], before: str = "") -> str:
    """Return a question with the words most similar to ``word``, or "".

    ``before`` stands before each in the question, and is not compared.
    """
    if len(word) > MOST_ALIKE:
        return ""
    from difflib import get_close_matches

    near = get_close_matches(word, list(known), cutoff=0.7)
    return (
        f"did you mean {' or '.join(before + each for each in near)}?" if near else ""
    )
