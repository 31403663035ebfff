"""``tcpconnect history``: what was recorded, counted and found again."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec

from tcpconnect import history_messages
from tcpconnect.asking.answer import ALERT, ANSWER, alerts, answers
from tcpconnect.asking.asked import DEFAULT_BY, Asked, check, least
from tcpconnect.asking.doubts import BEFORE, coarse, doubts, looked_late
from tcpconnect.asking.filtered import OfAlerts, OfRows
from tcpconnect.color import is_colored
from tcpconnect.commands.rights import give_up_all, give_up_for
from tcpconnect.databases.database import File, path_of, unreadable
from tcpconnect.databases.opening import is_server, open_database
from tcpconnect.errors import UsageError, did_you_mean
from tcpconnect.formats import open_format
from tcpconnect.history import queries
from tcpconnect.history.coverage import coverage
from tcpconnect.history.schema import MINUTE
from tcpconnect.options.verbs import verb_named
from tcpconnect.output import STDOUT, say, write
from tcpconnect.parsing import parse_verb
from tcpconnect.progress import Progress
from tcpconnect.report.shown import between, many
from tcpconnect.terminal import width_of
from tcpconnect.words import flags_of, names_typed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from tcpconnect.databases.database import Database
    from tcpconnect.fields import Column
    from tcpconnect.formats import Format
    from tcpconnect.history.queries import Parameters

    Answer = Callable[[Database, Asked, Progress], int]
    Accept = Callable[[str, Collection[tuple[str, str, int]]], int]

VERB = "history"
COMMAND = "it has recorded what it has", "omit the command"


def run(words: Sequence[str]) -> int:
    """Answer what the words ask; return the exit code."""
    asked = _asked(words)
    if asked.filters.get("columns") == ["help"]:
        write(STDOUT, _columns_help(ALERT if asked.alerts else ANSWER).encode())
        return 0
    check(asked)
    if asked.forget is not None:
        return _forget(path_of(asked.db), asked.forget)
    answer = _status_of(asked) if asked.status else _answer_of(asked)
    if not is_server(asked.db):
        give_up_for(path_of(asked.db), writes=asked.accept)
    with Progress() as progress:
        progress.end_at_interrupt()
        with closing(open_database(asked.db, progress.update)) as database:
            if is_server(asked.db):
                give_up_all()
            try:
                return answer(database, asked, progress)
            except (sqlite3.Error, ValueError, TypeError) as error:
                # Anyone may have made it.
                raise unreadable(database.name, error) from error


def _asked(words: Sequence[str]) -> Asked:
    verb = verb_named(VERB)
    line = parse_verb(verb, words)
    if line.command:
        reason, remedy = COMMAND
        message = history_messages.NOT_OF_HISTORY
        raise UsageError(message, option="command", reason=reason, remedy=remedy)
    given = dict(line.given)
    filters = line.changes
    if "programs" in given:
        filters = {**filters, "programs": given.pop("programs")}
    typed = names_typed(line.words, flags_of(verb.taken))
    return Asked(filters=filters, now=int(time.time()), typed=typed, **given)


def _columns_help(table: Mapping[str, Column]) -> str:
    return "".join(
        f"{name:15} {column.field.header:12} {column.field.meaning}\n"
        for name, column in table.items()
    )


def _forget(path: str, name: str) -> int:
    from tcpconnect.asking.forgetting import forget

    give_up_for(path, writes=True)
    deleted = forget(path, name)
    say(history_messages.FORGOT.line(name=name, n=many(deleted, "row")))
    return 0


def _status_of(asked: Asked) -> Answer:
    """Return what prints the status; all is imported, as by _answer_of()."""
    status: Callable[[Any, int, int | None], tuple[Any, str]]
    if is_server(asked.db):
        from tcpconnect.asking import fleet

        status = fleet.status
    else:
        from tcpconnect.asking import status as file

        status = file.status

    def answer(database: Any, asked: Asked, progress: Progress) -> int:
        shown, text = status(database, asked.now, asked.since)
        if asked.form == "json":
            text = msgspec.json.encode(shown).decode() + "\n"
        progress.erase()
        write(STDOUT, text.encode())
        return 0

    return answer


def _answer_of(asked: Asked) -> Answer:
    # What alerts have said are sentences, which are not cut.
    fitted = None if asked.wide or asked.alerts else width_of(STDOUT)
    colored = asked.form == "table" and is_colored(asked.color, STDOUT)
    form = open_format(asked.form, asked.columns, colored=colored, width=fitted)
    accept: Accept | None = None
    if asked.accept:
        from tcpconnect.asking.accepting import accept_new

        accept = accept_new
    if is_server(asked.db):
        import tcpconnect.asking.fleet  # noqa: F401 (there when rights are given up)

    def answer(database: Database, asked: Asked, progress: Progress) -> int:
        return History(database, asked, form, accept).answer(progress)

    return answer


class History:
    """One question to a history. Raises TcpconnectError."""

    def __init__(
        self, database: Database, asked: Asked, form: Format, accept: Accept | None
    ) -> None:
        self._database = database
        self._form, self._accept_new = form, accept
        self._asked = asked
        kind = OfAlerts if asked.alerts else OfRows
        self._conditions = kind(database, asked.filters)
        time_asked = queries.time_of(asked.begin, asked.end)
        ((span,),) = database.rows(queries.COARSE, time_asked)
        self._coarse = int(span or 0)
        longest = self._coarse or MINUTE
        self._values: Parameters = queries.time_of(asked.begin, asked.end, longest)

    def answer(self, progress: Progress) -> int:
        """Print the answer, or the statement; say what it does not rest on."""
        asked = self._asked
        statement, values = self._statement()
        if asked.sql:
            write(STDOUT, f"{queries.with_values(statement, values)};\n".encode())
            return 0
        rows = self._database.rows(statement, values)
        found: list[Any] = (
            alerts(rows) if asked.alerts else answers(self._asked.groups, rows)
        )
        if asked.is_of_fleet:
            from tcpconnect.asking import fleet

            fleet.add_hosts(self._database, self._values, found)
        lines = list(self._doubts())
        progress.erase()
        self._print(found)
        if not found:
            self._say_nothing_found()
        for line in lines:
            say(line)
        if self._accept_new and rows:
            self._accept(self._accept_new, rows)
        return 0

    def _accept(self, accept_new: Accept, rows: list[Any]) -> None:
        at = [self._asked.groups.index(name) for name in DEFAULT_BY]
        pairs = dict.fromkeys(tuple(row[i] for i in at) for row in rows)
        number = accept_new(self._database.name, pairs.keys())
        say(history_messages.ACCEPTED.line(n=many(number, "pair")))

    def _statement(self) -> tuple[str, Parameters]:
        asked = self._asked
        if asked.alerts:
            found = self._conditions
            statement = queries.alerts(found.texts, asked.limit)
            return statement, {**self._values, **found.values}
        question = asked.question
        conditions = [*self._conditions.texts, *question.conditions]
        statement = queries.counted(question._replace(conditions=conditions))
        return statement, {**self._values, **self._conditions.values, **least(asked)}

    def _doubts(self) -> Any:
        asked, database = self._asked, self._database
        begin, end = asked.begin, min(asked.end, asked.now)
        if isinstance(database, File):
            connection = database.connection
            yield from doubts(coverage(connection, begin, end), asked.now)
            if asked.new:
                before = coverage(connection, begin - BEFORE, begin)
                yield from looked_late(begin, before)
        else:
            from tcpconnect.asking import fleet

            yield from fleet.doubts(database, begin, end)
        if self._coarse and not asked.alerts:
            yield coarse(asked.begin, self._coarse)

    def _print(self, found: list[Any]) -> None:
        if found or self._asked.form == "csv":
            body = self._form.rows(found) if found else b""
            write(STDOUT, self._form.header() + body)

    def _say_nothing_found(self) -> None:
        asked, missed = self._asked, self._conditions.missed
        reason = remedy = ""
        if missed:
            words = ", ".join(sorted(map(str, missed.words)))
            where = "an alert" if asked.alerts else "the history"
            reason = f"no {missed.column} in {where} is {words}"
            known = [str(value) for value in self._conditions.known]
            remedy = next(
                filter(None, (did_you_mean(str(word), known) for word in missed.words)),
                "",
            )
        span = between(asked.begin, asked.end)
        what = "alerts" if asked.alerts else "such attempts"
        say(
            history_messages.NOTHING.line(
                what=what, span=span, reason=reason, remedy=remedy
            )
        )
