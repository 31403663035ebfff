"""open_outputs(): the outputs that the command line names, opened."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from tcpconnect import __version__, messages
from tcpconnect.errors import UsageError
from tcpconnect.output import STDERR, STDOUT
from tcpconnect.outputs.text import Text

if TYPE_CHECKING:
    from tcpconnect.batch import Output
    from tcpconnect.parsing import CommandLine
    from tcpconnect.view import Display, View

STDOUT_NAME = "-"  # for the option -o


def open_outputs(line: CommandLine, view: View) -> list[Output]:
    """Return the outputs; with a command, stdout belongs to it.

    Slow outputs must not block the trace, or other outputs.
    """
    displays = sorted(view.displays.items(), key=str)
    outputs = [_output(_target(path, line), shown, line) for path, shown in displays]
    if any(path not in {None, STDOUT_NAME} for path in view.displays):
        from tcpconnect.outputs.queued import Queued

        outputs = [Queued(output) for output in outputs]
    files: set[tuple[int, int]] = set()
    for output in outputs:
        output.open()
        status = os.fstat(output.fd)
        file = status.st_dev, status.st_ino
        if stat.S_ISREG(status.st_mode) and file in files:
            raise UsageError(messages.SAME_FILE, name=output.name)
        files.add(file)
    return outputs


def _output(target: int | str, display: Display, line: CommandLine) -> Output:
    if display.count:
        from tcpconnect.outputs.tables import Tables

        return Tables(target, display, line.color, wide=line.wide)
    if not display.recorded:
        return Text(target, display, line.color, wide=line.wide)
    from tcpconnect.outputs.recording import Recording
    from tcpconnect.recorded import SCHEMA, About

    host, options = os.uname().nodename, line.words
    about = About(version=__version__, host=host, options=options, schema=SCHEMA)
    return Recording(target, display, about)


def _target(path: str | None, line: CommandLine) -> int | str:
    """Return the descriptor or the file of an output."""
    if path is None:
        return STDERR if line.command else STDOUT
    return STDOUT if path == STDOUT_NAME else path
