"""Packages that only some features need: what installs them."""

from __future__ import annotations

import sys
from shlex import quote


def installer() -> str:
    """Return the command that installs a package into what runs this tool.

    Environments that uv makes have no pip.
    """
    from importlib.util import find_spec

    python = quote(sys.executable)
    if find_spec("pip"):
        return f"{python} -m pip install"
    return f"uv pip install --python {python}"
