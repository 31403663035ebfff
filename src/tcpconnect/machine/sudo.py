"""How to run this program as root, as a shell command."""

from __future__ import annotations

import os
import sys

OURS = "tcpconnect"  # the name of the command, and of the package
MODULE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "__main__.py")


def as_root(program: str) -> str:
    """Return what to do to run the program of this path (``sys.argv[0]``) as root.

    The PATH of sudo(8) does not include the folders of users, where pipx and uv
    install: the shell that calls sudo finds the command.
    """
    from shutil import which

    words = _words(program, which(OURS) or "")
    return f"run: sudo {words}" if words and which("sudo") else "run it as root"


def _words(program: str, found: str) -> str:
    """Return the command, "" for another program that uses our package."""
    from shlex import join, quote

    if program == MODULE:
        return join([sys.executable, "-m", OURS])
    if os.path.basename(program) != OURS:
        return ""
    return f'"$(command -v {OURS})"' if program == found else quote(program)
