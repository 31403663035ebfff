"""How the tests start the tool: as users do."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

INSTALLED = Path(sys.executable).with_name("tcpconnect")
TOOL = INSTALLED  # a test may replace it
# Where the CPU is emulated, loops are shorter: a connect takes 2 ms there.
EMULATED = "TCPCONNECT_EMULATED" in os.environ
IGNORED_BY_PYTHON = {signal.SIGPIPE, signal.SIGXFSZ}

SMALLER = """\
#!{python}
import sys
from tcpconnect.kernel import capacities, pending
for module in (capacities, pending):
    vars(module).update({numbers})
from tcpconnect.cli import main
sys.exit(main())
"""


def with_smaller(path: Path, **numbers: int) -> Path:
    """Return the tool with other numbers of attempts, as a program."""
    path.write_text(SMALLER.format(python=sys.executable, numbers=numbers))
    path.chmod(0o755)
    return path


def hear_ignored_signals() -> None:
    """Have what is started from now on hear the signals that we were to ignore.

    nohup(1) ignores SIGHUP, and a shell SIGINT and SIGQUIT for what it starts in the
    background; programs inherit that. We go on to ignore them, but by a handler, which
    execve(2) replaces by the default.
    """
    for number in signal.valid_signals() - IGNORED_BY_PYTHON:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def command(
    options: Iterable[object], env: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return the arguments of Popen that start the tool with these options."""
    return {"args": [str(TOOL), *map(str, options)], "env": env}
