"""main(): what to do by the options, and the only place that prints errors."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from tcpconnect.errors import PreflightError, TcpconnectError
from tcpconnect.options import build_parser
from tcpconnect.output import (
    STDOUT,
    ReaderGoneError,
    keep_standard_descriptors,
    say,
    write,
)

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence


# What this process, or the machine, may have no more of, whatever it is needed for.
REMEDIES = {
    errno.EMFILE: "raise the limit: ulimit -n",
    errno.ENFILE: "raise the limit: sysctl fs.file-max",
    errno.ENOMEM: "free some memory",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool; return its exit code: 0 fine, 1 failed, 2 wrong usage.

    With a command, it is the command's.
    """
    keep_standard_descriptors()
    verbose = False
    try:
        options = build_parser().parse_args(arguments)
        verbose = options.verbose
        return _run(options)
    except TcpconnectError as error:
        _show(error, verbose=verbose)
        return error.exit_code
    except ReaderGoneError:
        return 0
    except Exception as error:  # noqa: BLE001 (a bug: still one line, no traceback)
        _show(_unforeseen(error), verbose=verbose)
        return 1


def _run(options: Namespace) -> int:
    if options.check:
        from tcpconnect.info import check

        report, code = check(verbose=options.verbose)
        write(STDOUT, report.encode())
        return code
    if options.schema or options.columns == "help":
        from tcpconnect.info import columns_help, schema

        tell = schema if options.schema else columns_help
        write(STDOUT, tell(count=options.count).encode())
        return 0
    from tcpconnect.pipeline import run
    from tcpconnect.view import View

    return run(options, View(options))


def _unforeseen(error: Exception) -> TcpconnectError:
    if isinstance(error, OSError) and error.errno in REMEDIES:
        reason, remedy = os.strerror(error.errno), REMEDIES[error.errno]
        return TcpconnectError("can't go on", reason, remedy)
    reason = f"{type(error).__name__}: {error}"
    return TcpconnectError(
        "internal error", reason, "please report it with what -v prints"
    )


def _show(error: TcpconnectError, *, verbose: bool) -> None:
    if verbose:
        import traceback

        for line in traceback.format_exc().splitlines():
            say(line)
    problems = error.problems if isinstance(error, PreflightError) else [error]
    for problem in problems:
        say(f"tcpconnect: {problem}")
