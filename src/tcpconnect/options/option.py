"""An option of the command line, and sections of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from tcpconnect.values import Value

# These print something and end the tool at once.
HELP, HELP_ALL, VERSION = "help", "help_all", "version"
ENDING = frozenset({HELP, HELP_ALL, VERSION})


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

    @property
    def metavar(self) -> str:
        """The name of its value, "" where it takes none."""
        if not self.value:
            return ""
        return self.value.metavar or "{" + ",".join(self.value.words) + "}"


class Section(msgspec.Struct, frozen=True):
    """Options for one purpose.

    ``name`` and ``title`` are its headings where there is little room, and where there
    is enough. ``words`` are not options: what they look like, and what they do.
    """

    name: str
    title: str
    options: tuple[Option, ...]
    words: tuple[tuple[str, str], ...] = ()
