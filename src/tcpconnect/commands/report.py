"""``tcpconnect report``: what a history has of some hours, as one page of HTML."""

from __future__ import annotations

import os
import sqlite3
import time
from shlex import join
from typing import TYPE_CHECKING, Any

import msgspec

from tcpconnect import history_messages, report_messages
from tcpconnect.asking.filtered import OfRows
from tcpconnect.commands.rights import give_up_for
from tcpconnect.databases.database import DEFAULT, File, path_of, unreadable
from tcpconnect.errors import UsageError
from tcpconnect.history.schema import DAY
from tcpconnect.options.verbs import verb_named
from tcpconnect.output import STDERR, STDOUT_NAME, harmless, say
from tcpconnect.parsing import parse_verb
from tcpconnect.progress import Progress
from tcpconnect.report.shown import between, many, moment
from tcpconnect.report.writing import check_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tcpconnect.report import gather
    from tcpconnect.report.findings import Findings

OTHERS, ANON = ("--since", "--until", "--db", "-o", "--output"), "--anonymize"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asks for; None stands for a default."""

    since: int | None = None
    until: int | None = None
    db: str = DEFAULT
    output: str | None = None
    anonymize: bool = False
    filters: dict[str, Any] = {}
    words: list[str] = []


def run(words: Sequence[str]) -> int:
    """Write the page that the words ask for; return the exit code."""
    line = parse_verb(verb_named("report"), words)
    given = dict(line.given)
    filters = {n: x for n, x in line.changes.items() if n != "verbose"}
    if "programs" in given:
        filters["programs"] = given.pop("programs")
    asked = Asked(**given, filters=filters, words=_filters_in(line.words))
    until = int(time.time()) if asked.until is None else asked.until
    since = until - DAY if asked.since is None else asked.since
    if since >= until:
        ends = {"since": moment(since), "until": moment(until)}
        raise UsageError(history_messages.ENDS_BEFORE, **ends)
    check_target(asked.output, path_of(asked.db))
    _need_jinja()
    from tcpconnect.report import anonymize, apart, gather, page

    page.load()
    write_page = apart.begin(asked.output)
    give_up_for(path_of(asked.db))
    with Progress() as progress:
        progress.end_at_interrupt()
        what = gather.Asked(since, until, harmless(join(asked.words)))
        findings = _found(asked, what, progress)
    if asked.anonymize:
        findings = anonymize.anonymized(findings)
    code = write_page(page.page(findings))
    if not code:
        _tell(findings, asked.output)
    return code


def _filters_in(words: Sequence[str]) -> list[str]:
    """Return words without what is not about attempts: times, files."""
    left, rest = [], iter(words)
    for word in rest:
        if word in OTHERS:
            next(rest, None)
        elif not word.startswith((*(f"{o}=" for o in OTHERS if o != "-o"), "-o", ANON)):
            left.append(word)
    return left


def _need_jinja() -> None:
    from importlib.util import find_spec

    if find_spec("jinja2") is None:
        from tcpconnect.extras import installer

        raise UsageError(report_messages.NO_JINJA, installer=installer())


def _found(asked: Asked, what: gather.Asked, progress: Progress) -> Findings:
    """Return what the history has. Raises TcpconnectError."""
    from tcpconnect.report.gather import gather

    path = path_of(asked.db)
    with File(path, progress.update) as database:
        try:
            found = OfRows(database, asked.filters)
            condition = "".join(f"\n    AND {text}" for text in found.texts)
            what = what._replace(condition=condition, values=found.values)
            return gather(database.connection, what)
        except (sqlite3.Error, ValueError) as error:
            raise unreadable(path, error) from error


def _tell(findings: Findings, path: str | None) -> None:
    """Say that the page is empty, or on a terminal what it has."""
    if not findings.pairs:
        span = between(findings.since, findings.until)
        remedy = "" if findings.running else "no recorder runs: start tcpconnect record"
        say(report_messages.NO_ATTEMPTS.line(span=span, remedy=remedy))
    elif path not in {None, STDOUT_NAME} and os.isatty(STDERR):
        what = many(findings.attempts, "attempt")
        if findings.failed:
            what = f"{what}, {findings.failed:,} failed"
        say(report_messages.WROTE.line(path=path, what=what))
