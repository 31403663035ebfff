"""What an answer does not rest on: gaps, losses, and rows that are too coarse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect import history_messages as messages
from tcpconnect.history.missing import REASONS, details, losses
from tcpconnect.history.schema import DAY, HOUR
from tcpconnect.report.shown import between, count, duration, moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tcpconnect.errors import Line
    from tcpconnect.history.coverage import Coverage, Gap

MOST = 2  # gaps that a line has
BEFORE = DAY  # that has to be watched before something is new


def doubts(found: Coverage, now: int) -> Iterator[Line]:
    """Yield a line about gaps, and two about losses."""
    if found.gaps:
        away = sum(gap.until - gap.since for gap in found.gaps)
        remedy = "history --status lists all" if len(found.gaps) > MOST else ""
        if found.gaps[-1].until >= now:
            remedy = "no recorder runs: start tcpconnect record"
        yield messages.NOBODY_LOOKED.line(
            away=duration(away), gaps=_some(found.gaps), remedy=remedy
        )
    if missing := found.missing:
        number = count(sum(missing.values()))
        yield messages.MISSED.line(n=number, reasons=", ".join(losses(missing)))
    if unknown := found.unknown:
        yield messages.INCOMPLETE.line(losses=", ".join(details(unknown)))


def _some(gaps: Sequence[Gap]) -> str:
    longest = sorted(gaps, key=lambda gap: gap.since - gap.until)[:MOST]
    texts = [
        f"{between(gap.since, gap.until)} ({REASONS[gap.why]})"
        for gap in sorted(longest)
    ]
    if rest := len(gaps) - len(texts):
        texts.append(f"and {rest} more")
    return ", ".join(texts)


def coarse(since: int, span: int) -> Line:
    """Return the line about rows that begin before what was asked for."""
    whole = {HOUR: "hour", DAY: "day"}.get(span, duration(span))
    begin = moment(since - since % span)
    return messages.COARSE.line(begin=begin, span=whole)


def looked_late(since: int, before: Coverage) -> Iterator[Line]:
    """Yield a line if what ran before may not have been seen."""
    if before.gaps:
        away = duration(sum(gap.until - gap.since for gap in before.gaps))
        missing = f"for {away} of the {duration(BEFORE)} before"
        yield messages.LOOKED_LATE.line(since=moment(since), missing=missing)
