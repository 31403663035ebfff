"""Everything that can go wrong, and the exit code it leads to.

Raise anywhere; only ``cli.main`` prints.

* TcpconnectError (exit 1)

  - UsageError (exit 2): the options or arguments make no sense
  - PreflightError: this machine can't trace, with every reason at once
  - KernelError: the kernel or libbpf refused a step
  - OutputError: the output can't be written
"""

from __future__ import annotations


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
