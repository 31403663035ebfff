"""What the options print that end the tool at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from tcpconnect import __version__
from tcpconnect.options.option import HELP, VERSION
from tcpconnect.output import STDOUT, write

if TYPE_CHECKING:
    from tcpconnect.options.verbs import Verb

PROG = "tcpconnect"


def end(member: str, verb: Verb | None = None) -> NoReturn:
    """Print what this option is for, and end the process."""
    write(STDOUT, _text(member, verb).encode())
    raise SystemExit(0)


def _text(member: str, verb: Verb | None) -> str:
    if member == VERSION:
        return f"{PROG} {__version__}\n"
    from tcpconnect.help import everything, everything_of, of_verb, short

    if verb:
        return of_verb(verb) if member == HELP else everything_of(verb)
    return short() if member == HELP else everything()
