"""The questions to a history, as SQL over the tables of schema.py.

They run unchanged on SQLite, PostgreSQL and ClickHouse: times are integers, no alias is
named like a column, nothing is correlated, and values are named ``:parameters``, which
a driver replaces. Rows are grouped by IDs first, so that names are looked up once for
each group.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from tcpconnect.history.schema import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Parameters = dict[str, int | str]

PARAMETER = re.compile(r":([a-z_]+[0-9]*)\b")

# What may be grouped by: where it is found.
GROUPS = {
    "program": "p.program",
    "container": "p.container",
    "unit": "p.unit",
    "pod": "p.pod",
    "uid": "p.uid",
    "destination": "d.destination",
    "dport": "d.dport",
    "query": "d.query",
    "result": "o.result",
    "why": "o.why",
    "hour": "c.hour_begin",
}
OF_FLEET = {"host": "p.host"}  # in servers, too

# A row that overlaps the time asked for counts as a whole.
ASKED = "time >= :first_row AND time < :until AND time + span > :since"
# What a group has; a sum has its name only once, whatever level it is of.
_COUNTS = """sum(attempts) AS n,
        sum(CASE WHEN latency_us > 0 THEN attempts ELSE 0 END) AS timed,
        sum(latency_us) AS spent_us, max(latency_max_us) AS most_us,
        min(time) AS first_time, max(time) AS last_time"""

COUNTED = """
WITH counted AS (
    SELECT program_id, destination_id, outcome_id,{hour}
        {counts}
    FROM windows
    WHERE {conditions}
    GROUP BY program_id, destination_id, outcome_id{hour_group}
), named AS (
    SELECT {by_names}, o.result AS ended, o.why AS because, o.failed AS bad,
        sum(c.n) AS number, sum(c.timed) AS number_timed, sum(c.spent_us) AS all_us,
        max(c.most_us) AS longest_us, min(c.first_time) AS began,
        max(c.last_time) AS seen
    FROM counted c
    JOIN programs p ON p.program_id = c.program_id
    JOIN destinations d ON d.destination_id = c.destination_id
    JOIN outcomes o ON o.outcome_id = c.outcome_id
    GROUP BY {places}, o.result, o.why, o.failed
), ranked AS (
    SELECT {by}, ended, because, bad, number, number_timed, all_us, longest_us, began,
        seen, row_number() OVER (
            PARTITION BY {by} ORDER BY bad DESC, number DESC, ended, because
        ) AS rank_in_group
    FROM named
)
SELECT {by},
    max(CASE WHEN rank_in_group = 1 THEN ended ELSE '' END) AS commonest,
    max(CASE WHEN rank_in_group = 1 THEN because ELSE '' END) AS commonest_why,
    sum(number) AS total, sum(number * bad) AS total_failed,
    sum(number_timed) AS total_timed, sum(all_us) AS total_us,
    max(longest_us) AS top_us, min(began) AS first_began, max(seen) AS last_seen_at
FROM ranked
GROUP BY {by}{having}
ORDER BY {order}{limit}"""

# A pair is new if the program, whatever its unit or user, had never been there before.
NEW_PAIRS = """(program_id, destination_id) IN (
        SELECT s.program_id, s.destination_id
        FROM pairs s JOIN programs p ON p.program_id = s.program_id
        JOIN (
            SELECT p.program AS name, s.destination_id AS place
            FROM pairs s JOIN programs p ON p.program_id = s.program_id
            WHERE s.destination_id IN (
                SELECT destination_id FROM pairs
                WHERE first_seen >= :since AND first_seen < :until
            )
            GROUP BY p.program, s.destination_id
            HAVING min(s.first_seen) >= :since
        ) fresh ON name = p.program AND place = s.destination_id
    )"""
FAILED = "outcome_id IN (SELECT outcome_id FROM outcomes WHERE failed = 1)"
SUCCEEDED = "outcome_id IN (SELECT outcome_id FROM outcomes WHERE failed = 0)"
# Pairs that have no failure can't fail; most have none.
MAY_FAIL = f"""(program_id, destination_id) IN (
        SELECT program_id, destination_id FROM windows
        WHERE {ASKED} AND {FAILED}
    )"""  # noqa: S608
FAILING = """
HAVING sum(number) >= :least AND 2 * sum(number * bad) >= sum(number)"""
# Whether rows of more than a minute hold more than was asked for.
COARSE = f"""
SELECT max(span) FROM windows
WHERE time = :since_hour AND span = {HOUR} AND time < :since
    OR time = :since_day AND span = {DAY} AND time < :since"""  # noqa: S608
ALERTS = """
SELECT time, kind, program, destination, dport, line FROM alerts
WHERE {conditions}"""
OF_ALERTS = """
SELECT DISTINCT program, destination, dport FROM alerts
ORDER BY program, destination, dport"""
PROGRAMS = """
SELECT program_id, program, container, unit, pod, uid FROM programs
ORDER BY program_id"""
DESTINATIONS = """
SELECT destination_id, destination, dport, query, address FROM destinations
ORDER BY destination_id"""
RUNS = """
SELECT host, boot, version, pid, started, watched, ended FROM runs
ORDER BY run_id"""
ROWS = "SELECT count(*), min(time), max(time) FROM windows"
# Those of a fleet's history: servers have views with the name of a host in each row.
FLEET_RUNS = """
SELECT host, started, watched, ended FROM runs
WHERE watched >= :since AND started < :until
ORDER BY host, started"""
FLEET_LOSSES = """
SELECT reason, sum(lost) AS total FROM losses
WHERE time >= :first_row AND time < :until
GROUP BY reason
ORDER BY reason"""
FLEET_PAIRS = """
SELECT program, destination, dport, hosts, first_host FROM fleet_pairs
WHERE last_seen >= :first_row"""
COARSEST = "SELECT span, count(*) FROM windows GROUP BY span ORDER BY span"

# Orders: what is sorted by, the largest first but for texts; then by the groups.
ORDERS = {
    "attempts": "total DESC",
    "failed": "total_failed DESC",
    "latency_ms": "1.0 * sum(all_us) / (CASE WHEN sum(number_timed) > 0 "
    "THEN sum(number_timed) ELSE 1 END) DESC",
    "latency_max_ms": "top_us DESC",
    "first": "first_began DESC",
    "last": "last_seen_at DESC",
    "result": "commonest",
    "why": "commonest_why",
    "dport": "by_dport DESC",
    "uid": "by_uid DESC",
}


class Question(NamedTuple):
    """What is asked of the rows; ``conditions`` are SQL over windows."""

    by: Sequence[str]
    conditions: Sequence[str] = ()
    having: str = ""
    order: str = "attempts"
    limit: int | None = None


def time_of(since: int, until: int, span: int = DAY) -> Parameters:
    """Return the parameters of ASKED and COARSE.

    Rows begin at multiples of their span, so that few rows are read in vain where no
    row that overlaps ``since`` has a greater ``span`` than this: what COARSE answers.
    """
    return {
        "since": since,
        "until": until,
        "first_row": since - since % span,
        "since_hour": since - since % HOUR,
        "since_day": since - since % DAY,
    }


def counted(question: Question) -> str:
    """Return the statement that answers a question."""
    by = [f"by_{name}" for name in question.by]
    places = [(GROUPS | OF_FLEET)[name] for name in question.by]
    hour = "hour" in question.by
    order = ORDERS.get(question.order, f"by_{question.order}")
    names = ", ".join(f"{p} AS {name}" for p, name in zip(places, by, strict=True))
    return COUNTED.format(
        hour=f"\n        time - time % {HOUR} AS hour_begin," if hour else "",
        hour_group=f", time - time % {HOUR}" if hour else "",
        counts=_COUNTS,
        conditions="\n    AND ".join((ASKED, *question.conditions)),
        by_names=names,
        places=", ".join(places),
        by=", ".join(by),
        having=question.having,
        order=", ".join((order, *(name for name in by if name != order))),
        limit=f"\nLIMIT {question.limit}" if question.limit else "",
    ).strip()


def alerts(conditions: Sequence[str] = (), limit: int | None = None) -> str:
    """Return the statement that finds alerts, in their order: the latest ones."""
    asked = ("time >= :since AND time < :until", *conditions)
    found = ALERTS.format(conditions="\n    AND ".join(asked)).strip()
    if limit:
        found = f"""SELECT time, kind, program, destination, dport, line FROM (
{found}
ORDER BY time DESC, line DESC
LIMIT {limit}
) latest"""  # noqa: S608
    return f"{found}\nORDER BY time, line"


def with_values(statement: str, parameters: Mapping[str, int | str]) -> str:
    """Return a statement with its values in it, as a shell of SQL takes it."""
    return PARAMETER.sub(lambda found: literal(parameters[found[1]]), statement)


def literal(value: int | str) -> str:
    """Return a value as SQL has it."""
    if isinstance(value, int):
        return str(value)
    quoted = value.replace("'", "''")
    return f"'{quoted}'"


def rewritten(statement: str, place: Callable[[str], str]) -> str:
    """Return a statement whose parameters a driver knows: ``place`` makes each."""
    return PARAMETER.sub(lambda found: place(found[1]), statement)
