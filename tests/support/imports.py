"""What Python imports when a program starts."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

IMPORTED = re.compile(r"^import time:.*\| +(\S+)$", re.MULTILINE)


def imported(*words: str | Path) -> set[str]:
    """Run a command to its end; return the names of the modules that it imports."""
    ended = subprocess.run(
        words,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPROFILEIMPORTTIME": "1"},
    )
    return set(IMPORTED.findall(ended.stderr))
