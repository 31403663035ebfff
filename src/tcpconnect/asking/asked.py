"""What the words behind ``history`` ask for, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tcpconnect import history_messages, messages
from tcpconnect.asking.answer import (
    ALERT,
    ANSWER,
    COUNTS,
    FLEET,
    OUTCOME,
    TIMES,
    alert_columns,
    columns_for,
)
from tcpconnect.asking.questions import QUESTIONS, check_taken
from tcpconnect.databases.database import DEFAULT
from tcpconnect.databases.opening import is_server
from tcpconnect.errors import UsageError, did_you_mean
from tcpconnect.fields import choose
from tcpconnect.formats import SHAPED
from tcpconnect.history import queries
from tcpconnect.history.schema import HOUR
from tcpconnect.options.history import FAILING, REFUSED
from tcpconnect.report.shown import moment
from tcpconnect.tables import sort_column

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tcpconnect.fields import Column
    from tcpconnect.history.queries import Question

DEFAULT_BY = ("program", "destination", "dport")
# Questions of their own: the option of each.
KINDS = {
    "failing": "--failing",
    "slow": "--slow",
    "new": "--new",
    "alerts": "--alerts",
    "status": "--status",
    "forget": "--forget",
}
ORDER = {"failing": "failed", "slow": "latency_ms", "new": "first"}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asks for; ``filters`` are members of Settings.

    ``typed`` has the name that each option was given by, by its member.
    """

    filters: dict[str, Any]
    now: int
    db: str = DEFAULT
    since: int | None = None
    until: int | None = None
    by: tuple[str, ...] = ()
    sort: str | None = None
    limit: int | None = None
    failing: int = 0
    slow: bool = False
    new: bool = False
    accept: bool = False
    alerts: bool = False
    status: bool = False
    sql: bool = False
    forget: str | None = None
    format: str | None = None
    json: bool = False
    color: str = "auto"
    wide: bool = False
    typed: Mapping[str, str] = {}

    @property
    def begin(self) -> int:
        """From when on: the last hour, or what --until leaves of it."""
        return self.end - HOUR if self.since is None else self.since

    @property
    def end(self) -> int:
        """Until when: what is of this second belongs to it."""
        return self.now + 1 if self.until is None else self.until

    @property
    def is_of_fleet(self) -> bool:
        """Whether pairs are shown with the hosts that they were seen on."""
        pairs = set(DEFAULT_BY) <= set(self.groups) and "host" not in self.groups
        return is_server(self.db) and pairs and not self.alerts

    @property
    def form(self) -> str:
        """The format."""
        return self.format or ("json" if self.json else "table")

    @property
    def groups(self) -> tuple[str, ...]:
        """What attempts are counted by."""
        if self.by:
            return self.by
        known = queries.GROUPS | queries.OF_FLEET
        named = self.filters.get("columns") or ()
        by = tuple(n for n in named if n in known and n not in OUTCOME)
        return by or DEFAULT_BY

    @property
    def _kind(self) -> str:
        """Which of ORDER it asks for, if one of them."""
        return next((name for name in ORDER if getattr(self, name)), "")

    @property
    def table(self) -> dict[str, Column]:
        """The columns that there are."""
        if self.alerts:
            return ALERT
        names = {*self.groups, *OUTCOME, *COUNTS, *TIMES}
        if self.is_of_fleet:
            names.update(FLEET)
        return {name: column for name, column in ANSWER.items() if name in names}

    @property
    def columns(self) -> list[Column]:
        """The columns to show, in their order. Raises UsageError."""
        names = self.filters.get("columns")
        if names is None:
            if self.alerts:
                names = alert_columns(self.form)
            else:
                names = columns_for(self.groups, self.form, self._kind)
                names = [*names, *(FLEET if self.is_of_fleet else ())]
            return [self.table[name] for name in names]
        for name in names:
            if name in ANSWER and name not in self.table and not self.alerts:
                by = ", ".join(self.groups)
                message = history_messages.COLUMN_OF_GROUP
                raise UsageError(message, name=name, by=by)
        return choose(self.table, names)

    @property
    def question(self) -> Question:
        """The question about rows, without the filters. Raises UsageError."""
        order = ORDER.get(self._kind, "attempts")
        if "hour" in self.groups:
            order = "hour"
        if self.sort is not None:
            order = sort_column(self.table, self.sort).name
        conditions = []
        if self.failing:
            conditions.append(queries.MAY_FAIL)
        if self.slow:
            conditions.append(queries.SUCCEEDED)
        if self.new:
            conditions.append(queries.NEW_PAIRS)
        having = queries.FAILING if self.failing else ""
        return queries.Question(self.groups, conditions, having, order, self.limit)


def check(asked: Asked) -> None:
    """Raise UsageError for what makes no sense."""
    _refuse(asked)
    kinds = [option for name, option in KINDS.items() if _is_given(asked, name)]
    if len(kinds) > 1:
        one, other = kinds[:2]
        raise UsageError(history_messages.ONE_QUESTION, one=one, other=other)
    for name in QUESTIONS:
        if _is_given(asked, name):
            check_taken(name, asked.typed)
    if asked.accept and asked.sql:
        message = history_messages.NOT_WITH
        values = {"option": "--accept", "question": "--sql"}
        raise UsageError(message, **values, reason="it changes nothing")
    if asked.accept and not asked.new:
        raise UsageError(history_messages.ACCEPT_WITHOUT_NEW)
    if asked.accept and not set(DEFAULT_BY) <= set(asked.groups):
        raise UsageError(history_messages.ACCEPT_PAIRS)
    _check_form(asked)
    if asked.begin >= asked.end:
        ends = {"since": moment(asked.begin), "until": moment(asked.end)}
        raise UsageError(history_messages.ENDS_BEFORE, **ends)
    _check_groups(asked.by, of_fleet=is_server(asked.db))
    _check_place(asked)
    _ = asked.columns, asked.question


def _check_form(asked: Asked) -> None:
    if asked.json and asked.form != "json":
        raise UsageError(messages.CONFLICT_OF_FORMATS, format=asked.format)
    if asked.form in SHAPED:
        raise UsageError(
            history_messages.NOT_OF_HISTORY,
            option=f"--format {asked.form}",
            reason="it is of single attempts",
            remedy="write it while they are traced, or replay a recording",
        )
    if asked.status and asked.form == "csv":
        raise UsageError(history_messages.NO_STATUS_AS, format=asked.form)


def _check_place(asked: Asked) -> None:
    """Refuse what only files can do, or only servers."""
    if not is_server(asked.db):
        if "host" in asked.groups:
            raise UsageError(history_messages.FLEET_ONLY)
        return
    for option, is_given, remedy in (
        ("--forget", asked.forget is not None, "delete the rows there"),
        ("--accept", asked.accept, "accept pairs on each host, or use --baseline"),
    ):
        if is_given:
            place = asked.db.partition("?")[0]
            message = history_messages.NOT_OF_FLEET
            raise UsageError(message, option=option, place=place, remedy=remedy)


def _is_given(asked: Asked, name: str) -> bool:
    value = getattr(asked, name)
    return value is not None if name == "forget" else bool(value)


def _check_groups(by: Sequence[str], *, of_fleet: bool) -> None:
    for at, name in enumerate(by):
        if name not in queries.GROUPS | queries.OF_FLEET:
            groups = [*queries.GROUPS, *(queries.OF_FLEET if of_fleet else ())]
            known, near = ", ".join(groups), did_you_mean(name, groups)
            message = history_messages.NO_GROUP
            raise UsageError(message, name=name, known=known, near=near)
        if name in by[:at]:
            raise UsageError(history_messages.GROUP_TWICE, name=name)


def _refuse(asked: Asked) -> None:
    for member, (reason, remedy) in REFUSED.items():
        if member in asked.filters:
            message, option = history_messages.NOT_OF_HISTORY, asked.typed[member]
            raise UsageError(message, option=option, reason=reason, remedy=remedy)


def least(asked: Asked) -> dict[str, int | str]:
    """Return the value of ``queries.FAILING``."""
    return {"least": asked.failing or FAILING}
