"""An option of the command line, and sections of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from tcpconnect.values import Value

# These end the tool at once: each is an action of argparse.
HELP, VERSION = "help", "version"


class Option(msgspec.Struct, frozen=True):
    """An option of the command line.

    ``member`` of Settings, or else of CommandLine, is set to its parsed ``value``, or
    to ``const`` if it takes none. Without ``help`` it is hidden. Options of one
    ``group`` exclude each other. When it ``repeats``, each occurrence adds values.
    """

    flags: tuple[str, ...]
    member: str
    help: str
    value: Value | None = None
    const: Any = True
    group: str = ""
    repeats: bool = False


class Section(msgspec.Struct, frozen=True):
    """Options for one purpose, with the heading of the help and the man page."""

    title: str
    options: tuple[Option, ...]
