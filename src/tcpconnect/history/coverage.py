"""Coverage: when a recorder watched, and what was lost meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from tcpconnect.history.schema import DAY, MINUTE, SIZE

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

SHORTEST_S = 2  # times are whole seconds: what is shorter may be none
# What the recorder has seen and not yet written: two windows.
UNWRITTEN_S = 20
# What is lost with an attempt; with all other reasons attempts are counted, and
# something about them is not known (batch.Losses).
ATTEMPTS = frozenset({"ring", "flows", "rows", "missed", "unfinished"})
ATTEMPTS |= {"waiting", "truncated", SIZE}  # of the recorder itself
STOPPED, KILLED, OFF, UNKNOWN = "stopped", "killed", "off", "not recorded"


class Gap(NamedTuple):
    """When nobody watched, and why: a word above.

    stopped: the recorder had been ended; killed: it ended without a word; off: the
    machine was started in between; not recorded: there is no run before.
    """

    since: int
    until: int
    why: str


class Coverage(msgspec.Struct, frozen=True):
    """How much an answer about a time rests on.

    ``lost``: what was lost, and how much of it, by the reason (``schema.py``).
    ``running``: whether a recorder has not ended; it may have been killed.
    """

    since: int
    until: int
    gaps: list[Gap]
    lost: dict[str, int]
    running: bool

    @property
    def missing(self) -> dict[str, int]:
        """How many attempts were lost, by the reason."""
        return {why: n for why, n in self.lost.items() if why in ATTEMPTS}

    @property
    def unknown(self) -> dict[str, int]:
        """What is not known of attempts that are counted, by the reason."""
        return {why: n for why, n in self.lost.items() if why not in ATTEMPTS}

    @property
    def watched_s(self) -> int:
        """How many seconds were watched."""
        away = sum(gap.until - gap.since for gap in self.gaps)
        return self.until - self.since - away

    def __bool__(self) -> bool:
        """Whether somebody watched all the time, and nothing was lost."""
        return not (self.gaps or self.lost)


class _Run(NamedTuple):
    boot: str
    started: int
    watched: int
    ended: int


def coverage(connection: sqlite3.Connection, since: int, until: int) -> Coverage:
    """Return what was watched from ``since`` to ``until``. Raises sqlite3.Error."""
    runs = [
        _Run(*run)
        for run in connection.execute(
            "SELECT boot, started, watched, ended FROM runs ORDER BY started, run_id"
        )
    ]
    lost = connection.execute(
        "SELECT reason, sum(lost) FROM losses WHERE time < :until AND "
        "(time > :since - :minute OR time % :day = 0 AND time > :since - :day) "
        "GROUP BY reason ORDER BY reason",
        {"since": since, "until": until, "minute": MINUTE, "day": DAY},
    )
    return Coverage(
        since,
        until,
        list(_gaps(runs, since, until)),
        {str(reason): int(number) for reason, number in lost},
        running=_is_running(connection),
    )


def _is_running(connection: sqlite3.Connection) -> bool:
    """Whether the last run has no end; by its clock it may not be the latest."""
    ends = connection.execute("SELECT ended FROM runs ORDER BY run_id DESC LIMIT 1")
    return bool(ends.fetchone() == (0,))


def _gaps(runs: list[_Run], since: int, until: int) -> Iterator[Gap]:
    """Yield when no run watched; runs that overlap are one."""
    at, before = since, None
    for run in runs:
        if run.watched < since or run.started > until:
            before = run if run.started <= until else before
            continue
        if run.started - at >= SHORTEST_S:
            yield Gap(at, run.started, _why(before, run))
        if run.watched >= at:
            at, before = run.watched, run
    behind = UNWRITTEN_S if before and not before.ended else SHORTEST_S
    if until - at >= behind:
        yield Gap(at, until, _why(before, None))


def _why(before: _Run | None, after: _Run | None) -> str:
    if not before:
        return UNKNOWN
    if after and before.boot and after.boot != before.boot:
        return OFF
    return STOPPED if before.ended else KILLED
