"""Everything that can go wrong, and the exit code it leads to.

Raise anywhere; only ``cli.main`` prints.

* TcpconnectError (exit 1)

  - UsageError (exit 2): the options or arguments make no sense
  - PreflightError: this machine can't trace, with every reason at once
  - KernelError: the kernel or libbpf refused a step
  - OutputError: the output can't be written
  - CommandError (exit 126 or 127): the command can't be started
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


# What this process, or the machine, may have no more of, whatever it is needed for.
REMEDIES = {
    errno.EMFILE: "raise the limit: ulimit -n",
    errno.ENFILE: "raise the limit: sysctl fs.file-max",
    errno.EAGAIN: "raise the limit: ulimit -u, or pids.max of its cgroup",
    errno.ENOMEM: "free some memory",
}


MOST_ALIKE = 255  # characters; to compare words takes quadratic time


class TcpconnectError(Exception):
    """A sentence, the reason and the remedy, shown as one line."""

    exit_code = 1

    def __init__(self, sentence: str, reason: str = "", remedy: str = "") -> None:
        self.sentence = sentence
        self.reason = reason
        self.remedy = remedy
        line = f"{sentence}: {reason}" if reason else sentence
        super().__init__(f"{line}; {remedy}" if remedy else line)


class UsageError(TcpconnectError):
    """The options or arguments make no sense."""

    exit_code = 2


class PreflightError(TcpconnectError):
    """This machine can't trace. ``problems`` has one error for each reason."""

    def __init__(self, problems: list[TcpconnectError]) -> None:
        self.problems = problems
        super().__init__("; ".join(str(problem) for problem in problems))


class KernelError(TcpconnectError):
    """The kernel or libbpf refused a step."""


class OutputError(TcpconnectError):
    """The output can't be written."""


class CommandError(TcpconnectError):
    """The command can't be started: the exit codes are those of shells."""

    def __init__(self, name: str, error: int) -> None:
        self.exit_code = 127 if error == errno.ENOENT else 126
        remedy = REMEDIES.get(error, "")
        super().__init__(f"can't start {name!r}", os.strerror(error), remedy)


PROC = "/proc/self"


def no_proc(error: OSError) -> TcpconnectError:
    """Return what it means when a file is missing there."""
    reason = os.strerror(error.errno or 0)
    return TcpconnectError("no /proc", reason, "mount it: mount -t proc proc /proc")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a question with the words that are most like ``word``, or nothing."""
    if len(word) > MOST_ALIKE:
        return ""
    from difflib import get_close_matches

    near = get_close_matches(word, list(known), cutoff=0.7)
    return f"did you mean {' or '.join(near)}?" if near else ""
