"""explain(): an error made lines on stderr and an exit code; nobody else prints one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tcpconnect import messages
from tcpconnect.errors import SHORTAGES, OutputError, PreflightError, TcpconnectError
from tcpconnect.output import ReaderGoneError, say, write_line

if TYPE_CHECKING:
    from collections.abc import Iterator


def explain(error: Exception, *, verbose: bool) -> int:
    """Print an error, and what led to it if ``verbose``; return the exit code."""
    if isinstance(error, ReaderGoneError):
        return 0
    if verbose:
        for line in _traceback(error):
            write_line(line)
    known = error if isinstance(error, TcpconnectError) else _unforeseen(error)
    shown = {str(known.line)}
    for before in reversed([*_failed_before(error)]):
        if str(before.line) not in shown:
            shown.add(str(before.line))
            _show(before)
    _show(known)
    return known.exit_code


def _failed_before(error: Exception) -> Iterator[OutputError]:
    """Yield what other outputs raised before this one did, the last one first."""
    causes: set[int] = set()
    context: BaseException | None = error
    while context and isinstance(error, OutputError):
        causes.add(id(context.__cause__))
        context = context.__context__
        if isinstance(context, OutputError) and id(context) not in causes:
            yield context


def _unforeseen(error: Exception) -> TcpconnectError:
    if isinstance(error, OSError) and error.errno in SHORTAGES:
        reason, (what, remedy) = os.strerror(error.errno), SHORTAGES[error.errno]
        return TcpconnectError(messages.OUT_OF, what=what, reason=reason, remedy=remedy)
    if isinstance(error, FileNotFoundError) and not os.path.exists("/proc/self"):
        return TcpconnectError(messages.NO_PROC, reason=os.strerror(error.errno or 0))
    reason = f"{type(error).__name__}: {error}"
    return TcpconnectError(messages.INTERNAL_ERROR, reason=reason)


def _show(error: TcpconnectError) -> None:
    problems = error.problems if isinstance(error, PreflightError) else [error]
    for problem in problems:
        say(problem.line)


def _traceback(error: BaseException) -> Iterator[str]:
    """Yield the traceback of an error, after those of the errors that caused it.

    The module traceback can't be imported: by then it may run as another user.
    """
    before = error.__cause__
    if not error.__suppress_context__:
        before = error.__context__
    if before:
        yield from _traceback(before)
    yield "Traceback (most recent call last):"
    step = error.__traceback__
    while step:
        code = step.tb_frame.f_code
        yield f'  File "{code.co_filename}", line {step.tb_lineno}, in {code.co_name}'
        step = step.tb_next
    yield f"{type(error).__name__}: {error}"
