"""What Python imports when a program starts."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
from typing import TYPE_CHECKING

from tests.support.terminals import read_all, read_until

if TYPE_CHECKING:
    from pathlib import Path

IMPORTED = re.compile(r"^import time:.*\| +(\S+)\r?$", re.MULTILINE)
SAY_IMPORTS = {"PYTHONPROFILEIMPORTTIME": "1"}


def imported(*words: str | Path) -> set[str]:
    """Run a command to its end; return the names of the modules that it imports."""
    ended = subprocess.run(
        words,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **SAY_IMPORTS},
    )
    return set(IMPORTED.findall(ended.stderr))


def imported_on_a_terminal(ready: bytes, *words: str | Path) -> set[str]:
    """Do so on a terminal, and interrupt the command when it says that it is ready."""
    leader, terminal = pty.openpty()
    with subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, **SAY_IMPORTS},
        start_new_session=True,
    ) as command:
        os.close(terminal)
        text = read_until(leader, ready)
        command.send_signal(signal.SIGINT)
        read_all(leader)
    os.close(leader)
    return set(IMPORTED.findall(text.decode()))
