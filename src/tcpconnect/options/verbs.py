"""The verbs: what the tool does when its first word is one of these."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tcpconnect.options.top import TOP

if TYPE_CHECKING:
    from tcpconnect.options.option import Option


class Verb(msgspec.Struct, frozen=True):
    """A verb: what follows it, what it does, and the options that only it has."""

    name: str
    usage: str
    help: str
    options: tuple[Option, ...] = ()


VERBS: tuple[Verb, ...] = (
    Verb(
        "top",
        "[OPTION ...] [-- COMMAND [ARGUMENT ...] | FILE | -]",
        "show live who connects where, and what fails",
        TOP,
    ),
)
