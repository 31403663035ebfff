"""Packages that only some features need: what installs them."""

from __future__ import annotations

import sys
from shlex import quote

from tcpconnect import remote_messages
from tcpconnect.errors import UsageError

PACKAGED = "/usr/lib/tcpconnect/"  # where packages of distributions have the tool


def psycopg_missing() -> UsageError:
    """Return the error that psycopg is not there, with what installs it here.

    Packages of the tool bring along what all other features need; psycopg needs libpq.
    """
    if __file__.startswith(PACKAGED):
        return UsageError(remote_messages.NO_PSYCOPG_PACKAGE)
    return UsageError(remote_messages.NO_PSYCOPG, installer=installer())


def installer() -> str:
    """Return the command that installs a package into what runs this tool.

    Environments that uv makes have no pip.
    """
    from importlib.util import find_spec

    python = quote(sys.executable)
    if find_spec("pip"):
        return f"{python} -m pip install"
    return f"uv pip install --python {python}"
