"""How this program is run as root, in words that a shell takes."""

from __future__ import annotations

import os
import sys

OURS = "tcpconnect"  # the name of the command, and of the package
MODULE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "__main__.py")


def as_root(program: str) -> str:
    """Return what to do to run as root what has this path (``sys.argv[0]``).

    The PATH of sudo(8) lacks the folders of users, where pipx and uv install: the shell
    that sudo is called from finds the command.
    """
    from shutil import which

    words = _words(program, which(OURS) or "")
    return f"run: sudo {words}" if words and which("sudo") else "run it as root"


def _words(program: str, found: str) -> str:
    """Return the command, nothing for one that isn't ours: it uses our package."""
    from shlex import join, quote

    if program == MODULE:
        return join([sys.executable, "-m", OURS])
    if os.path.basename(program) != OURS:
        return ""
    return f'"$(command -v {OURS})"' if program == found else quote(program)
