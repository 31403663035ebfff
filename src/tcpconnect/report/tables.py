"""The lists of a page: which pairs they show, in which order, and how many more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tcpconnect.report.shown import many

if TYPE_CHECKING:
    from collections.abc import Callable

    from tcpconnect.report.findings import Findings, Pair, Said

MOST_FAILING, MOST_NEW, MOST_SLOW, MOST_ALERTS = 40, 40, 20, 40
MOST_FAILURES = 3  # kinds of failures of a pair


class Table(msgspec.Struct, frozen=True):
    """Pairs that are shown; ``rest`` says what is left out, "" for nothing."""

    pairs: list[Pair]
    rest: str = ""


class Alerts(msgspec.Struct, frozen=True):
    """Alerts that are shown, and what is left out."""

    said: list[Said]
    rest: str = ""


def alerts(findings: Findings) -> Alerts:
    """Return alerts: failures that last first, then the latest."""
    said = sorted(findings.alerts, key=lambda each: (not each.since, -each.time))
    left = len(said) - MOST_ALERTS
    return Alerts(said[:MOST_ALERTS], many(left, "more alert") if left > 0 else "")


def failing(findings: Findings) -> Table:
    """Return pairs with failures: those that fail first, then those with most."""
    pairs = [pair for pair in findings.pairs if pair.failed]
    pairs.sort(key=lambda pair: (not pair.fails, -pair.failed, -pair.attempts))
    return _cut(pairs, MOST_FAILING, lambda pair: pair.failed, "failure")


def new(findings: Findings) -> Table:
    """Return pairs that were never seen before, the latest first."""
    pairs = [pair for pair in findings.pairs if pair.is_new]
    pairs.sort(key=lambda pair: (-pair.first_seen, -pair.attempts))
    return _cut(pairs, MOST_NEW, lambda pair: pair.attempts, "attempt")


def slow(findings: Findings) -> Table:
    """Return pairs by how long a connection took on average, with its name."""
    pairs = [pair for pair in findings.pairs if pair.succeeded]
    pairs.sort(key=lambda pair: -(pair.dns_us + pair.tcp_us) / pair.succeeded)
    return _cut(pairs, MOST_SLOW, lambda pair: pair.attempts, "attempt")


def every(findings: Findings, most: int) -> Table:
    """Return the pairs with most attempts."""
    pairs = sorted(findings.pairs, key=lambda pair: -pair.attempts)
    return _cut(pairs, most, lambda pair: pair.attempts, "attempt")


def by_program(table: Table) -> dict[str, list[Pair]]:
    """Return the pairs of each program; the program with most attempts is first."""
    found: dict[str, list[Pair]] = {}
    for pair in table.pairs:
        found.setdefault(pair.program, []).append(pair)
    sums = {name: sum(p.attempts for p in pairs) for name, pairs in found.items()}
    return {name: found[name] for name in sorted(found, key=lambda name: -sums[name])}


def failures_of(pair: Pair) -> list[str]:
    """Return the results and reasons of a pair, the commonest first."""
    found = sorted(pair.failures.items(), key=lambda failure: -failure[1])
    if len(found) == 1:
        return [text for text, _ in found]
    left = sum(number for _, number in found[MOST_FAILURES:])
    found = [*found[:MOST_FAILURES], *([("others", left)] if left else [])]
    return [f"{text} ({number:,})" for text, number in found]


def _cut(
    pairs: list[Pair], most: int, number: Callable[[Pair], int], noun: str
) -> Table:
    rest = pairs[most:]
    if not rest:
        return Table(pairs)
    left = many(sum(map(number, rest)), noun)
    return Table(pairs[:most], f"{many(len(rest), 'more pair')}: {left}")
