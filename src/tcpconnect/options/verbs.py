"""The verbs: what the tool does when its first word is one of these."""

from __future__ import annotations

import msgspec

from tcpconnect.options.history import ASKED, CHOOSING, HISTORY, PROGRAMS
from tcpconnect.options.option import HELP, HELP_ALL, Option
from tcpconnect.options.record import RECORD, RECORDED
from tcpconnect.options.replay import REPLAY, SHOWN
from tcpconnect.options.report import REPORT
from tcpconnect.options.run import RUN
from tcpconnect.options.top import KEYS, REFUSED, TOP, TRACED

MANY = 1000  # files
# Every verb takes these.
GENERAL = tuple(o for o in RUN if o.member in {HELP, HELP_ALL, "verbose"})


class Verb(msgspec.Struct, frozen=True):
    """A verb: what follows it, what it does, and what it takes.

    ``options`` are its own, ``shared`` those of a trace that mean the same here. It
    takes so many ``files`` at most. ``keys`` are those of a screen, and what they do.
    ``refused`` says why it does not take what sets these members.
    """

    name: str
    usage: str
    help: str
    options: tuple[Option, ...] = ()
    shared: tuple[Option, ...] = ()
    files: int = 0
    keys: tuple[tuple[str, str], ...] = ()
    refused: dict[str, str] = {}

    @property
    def taken(self) -> tuple[Option, ...]:
        """All options that its parser accepts; its own replace others of that name."""
        own = {flag for option in self.options for flag in option.flags}
        others = (*self.shared, *(o for o in GENERAL if o not in self.shared))
        return (*self.options, *(o for o in others if own.isdisjoint(o.flags)))


VERBS: tuple[Verb, ...] = (
    Verb(
        "top",
        "[OPTION ...] [-- COMMAND [ARGUMENT ...] | FILE | -]",
        "show live who connects where, and what fails",
        TOP,
        TRACED,
        files=1,
        keys=KEYS,
        refused=REFUSED,
    ),
    Verb(
        "record",
        "[OPTION ...]",
        "keep who connects where, how it ends and how long it takes: a daemon",
        RECORD,
        RECORDED,
    ),
    Verb(
        "history",
        "[--since TIME] [--until TIME] [OPTION ...]",
        "show who has connected where, and what has failed, from what was recorded",
        HISTORY,
        ASKED,
    ),
    Verb(
        "report",
        "[--since TIME] [--until TIME] [OPTION ...] -o FILE.html",
        "write what was recorded of some hours as one page of HTML",
        (*REPORT, *PROGRAMS),
        CHOOSING,
    ),
    Verb(
        "replay",
        "[OPTION ...] FILE ... | -",
        "show recordings as if they were traced: filter them, count, convert",
        REPLAY,
        SHOWN,
        files=MANY,
    ),
)


def verb_named(name: str) -> Verb:
    """Return the verb of a name. Raises KeyError."""
    return {verb.name: verb for verb in VERBS}[name]
