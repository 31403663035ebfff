"""What alerts are made of, and what they say."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import msgspec

NEW, FAILING, SOLVED = "new", "failing", "solved"
KINDS = (NEW, FAILING)  # that can be asked for
EVERYTHING = "*"  # the destination of a summary
MAX_TEXT = 255  # characters of a name
MAX_TIME = 253_402_300_799  # the end of the year 9999, in seconds since the epoch
Seconds = Annotated[int, msgspec.Meta(ge=0, le=MAX_TIME)]  # as read from a file


class Row(NamedTuple):
    """Attempts of a program to a destination that ended in a window, with a result.

    ``sure``: of that program; else its details were lost, and it is a thread's name.
    ``address``: one of the destination, which it is itself where there is no name.
    """

    time: int  # seconds since the epoch, of the window
    program: str
    destination: str
    dport: int
    result: str
    attempts: int
    failed: int
    sure: bool = True
    address: str = ""

    @property
    def is_named(self) -> bool:
        """Whether the destination is the name of an address."""
        folded = self.destination == EVERYTHING or "/" in self.destination
        return self.destination != self.address and not folded


class Pair(NamedTuple):
    """A program and a destination; for what is new both are shapes."""

    program: str
    destination: str
    dport: int


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One alert.

    Attributes:
        kind: new, failing or solved.
        time: of its window, in seconds since the epoch.
        text: a sentence that says it all.
        program, destination, dport: the pair; "", "*" and 0 in a summary.
        attempts, failed: in its window, of new in its first one.
        result: the commonest one of those that failed, else of all.
        since: when it began to fail.
        quiet: it has not been tried for a while: it may still fail.
        more: of a summary: how many pairs it stands for.
        examples: of a summary: some of them.
    """

    kind: str
    time: Seconds
    text: str
    program: str
    destination: str
    dport: int
    attempts: int = 0
    failed: int = 0
    result: str = ""
    since: Seconds = 0
    quiet: bool = False
    more: int = 0
    examples: list[str] = []


class Notice(msgspec.Struct, frozen=True):
    """An alert that is sent; ``id`` is never used again."""

    id: str
    alert: Alert


def place(destination: str, dport: int) -> str:
    """Return a destination with its port, as sentences have it."""
    if not dport:
        return destination
    bracketed = f"[{destination}]" if ":" in destination else destination
    return f"{bracketed}:{dport}"


def new(row: Row) -> Alert:
    """Return the alert of a pair that was never seen before."""
    where = place(row.destination, row.dport)
    failed = f", and failed: {row.result}" if row.failed == row.attempts else ""
    return Alert(
        kind=NEW,
        time=row.time,
        text=f"{row.program} connected to {where} for the first time{failed}",
        program=row.program,
        destination=row.destination,
        dport=row.dport,
        attempts=row.attempts,
        failed=row.failed,
        result=row.result,
    )


def summary(time: int, more: int, examples: list[str]) -> Alert:
    """Return the alert of all that were new in an hour, beyond those reported."""
    shown = ", ".join(examples[:3])
    return Alert(
        kind=NEW,
        time=time,
        text=f"{more} more new destinations within an hour: {shown}"
        + (", …" if more > len(examples[:3]) else ""),
        program="",
        destination=EVERYTHING,
        dport=0,
        more=more,
        examples=examples,
    )
