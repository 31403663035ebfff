"""main(): runs what the options ask for."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tcpconnect.errors import UsageError
from tcpconnect.failure import explain
from tcpconnect.machine.memory import look_for_garbage
from tcpconnect.output import STDOUT, STDOUT_NAME, keep_standard_descriptors, write
from tcpconnect.parsing import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tcpconnect.kernel.ahead import Ahead
    from tcpconnect.parsing import CommandLine

HELP = ["help"]  # instead of columns
FOUND = {"cgroups", "containers", "not_containers"}  # before the trace
ENOUGH = 256  # descriptors for what attempts need, and for files of modules beside


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool; return its exit code: 0 fine, 1 failed, 2 wrong usage.

    With a command, its exit code.
    """
    verbose = False
    try:
        keep_standard_descriptors()
        words = sys.argv[1:] if arguments is None else arguments
        if words and not words[0].startswith("-"):
            from tcpconnect.commands import COMMANDS

            if words[0] in COMMANDS:
                look_for_garbage()
                verbose = "-v" in words or "--verbose" in words
                return COMMANDS[words[0]](words[1:])
        asked = parse(words)
        verbose = asked.verbose
        return _run(asked)
    except Exception as error:  # noqa: BLE001 (a bug: still one line, no traceback)
        return explain(error, verbose=verbose)


def _run(line: CommandLine) -> int:
    if line.check:
        from tcpconnect.info import check

        report, code = check(verbose=line.verbose)
        write(STDOUT, report.encode())
        return code
    if line.schema or HELP in (line.columns, [*line.by], [line.sort]):
        from tcpconnect.info import columns_help, schema

        make = schema if line.schema else columns_help
        rows = line.sort if [*line.by] == HELP else line.count or line.sort
        write(STDOUT, make(count=bool(rows)).encode())
        return 0
    with ExitStack() as stack:
        ahead = _ahead(line) if goes_ahead(line) else None
        if ahead:
            stack.enter_context(ahead)
        from tcpconnect.view import View  # and what else is imported: meanwhile

        view = View(line)
        if ahead:
            ahead.begin(view.settings)
        from tcpconnect.pipeline import run

        return run(line, view, ahead)


def _ahead(line: CommandLine) -> Ahead | None:
    """Begin; nothing begins where a view makes other settings, or refuses options."""
    from tcpconnect.kernel.ahead import Ahead
    from tcpconnect.settings import Settings

    try:
        return Ahead(Settings(**line.changes))
    except UsageError:
        return None


def goes_ahead(line: CommandLine) -> bool:
    """Whether attempts are attached while outputs are opened, and modules imported.

    Not where a process is forked or becomes another user before the trace, where errors
    in options are found there, and where what libbpf writes is to be read. Nor where
    descriptors are few: an import would fail for want of one, and not say so.
    """
    elsewhere = line.outputs - {STDOUT_NAME}
    found = FOUND & line.changes.keys()
    return not (
        _few_descriptors() or line.command or elsewhere or found or line.verbose
    )


def _few_descriptors() -> bool:
    import resource

    try:
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0] < ENOUGH
    except OSError:  # seccomp may refuse it
        return True
