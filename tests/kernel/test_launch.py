"""The tests themselves: that they do not depend on how they were started."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
IGNORED = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)

# What tests do, started by what ignores signals: nohup(1), or a shell's background.
STARTS_A_PROGRAM = """\
import os, subprocess
import launch
launch.hear_ignored_signals()
for number in {numbers}:
    os.kill(os.getpid(), number)
subprocess.run(["grep", "SigIgn", "/proc/self/status"], check=True)
"""


def test_ignored_signals() -> None:
    """What the tests start has the default of signals that they are to ignore."""
    code = STARTS_A_PROGRAM.format(numbers=[int(number) for number in IGNORED])
    names = " ".join(number.name.removeprefix("SIG") for number in IGNORED)
    script = f'trap "" {names}; exec "$0" -c "$1"'
    done = subprocess.run(
        ["sh", "-c", script, sys.executable, code],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=HERE,
    )
    name, mask = done.stdout.split()
    ignored = int(mask, 16)
    assert name == "SigIgn:"
    assert [number for number in IGNORED if ignored >> number - 1 & 1] == []
