"""The statements of a report: SQL over the tables of history/schema.py.

A pair is the name of a program, which several rows of programs may share, and the ID
of a destination. Rows of an hour or a day that overlap the time asked for count.
"""

from __future__ import annotations

CONDITION = "/* condition */"  # filters on programs p, destinations d, outcomes o

_JOINED = """
JOIN programs p ON p.program_id = w.program_id
JOIN destinations d ON d.destination_id = w.destination_id
JOIN outcomes o ON o.outcome_id = w.outcome_id"""
# The greatest span is a day; with its first condition a query reads few rows before.
_ASKED = """
w.time > :since - 86400 AND w.time + w.span > :since AND w.time < :until"""

HOST = """
SELECT host, (SELECT min(started) FROM runs) FROM runs ORDER BY run_id DESC LIMIT 1"""
COARSEST = f"SELECT max(w.span) FROM windows w WHERE {_ASKED}"  # noqa: S608

# IDs are grouped first: names are compared once for each group.
PAIRS = f"""
SELECT p.program, d.destination_id, d.destination, d.dport, o.result, o.why, o.failed,
    w.attempts, w.latency, w.latency_max, w.dns, w.last
FROM (
    SELECT w.program_id, w.destination_id, w.outcome_id, sum(w.attempts) AS attempts,
        sum(w.latency_us) AS latency, max(w.latency_max_us) AS latency_max,
        sum(w.dns_us) AS dns, max(w.time) AS last
    FROM windows w WHERE {_ASKED}
    GROUP BY w.program_id, w.destination_id, w.outcome_id
) w {_JOINED}
WHERE {CONDITION}"""  # noqa: S608

SEEN = """
SELECT p.program, s.destination_id, min(s.first_seen)
FROM pairs s JOIN programs p ON p.program_id = s.program_id
WHERE s.last_seen >= :since - 86400
GROUP BY p.program, s.destination_id"""

BINS = f"""
SELECT w.time - w.time % :step, sum(w.attempts), sum(w.attempts * o.failed)
FROM windows w {_JOINED}
WHERE {_ASKED} AND {CONDITION}
GROUP BY 1 ORDER BY 1"""  # noqa: S608

# For each pair, when failures began after the last time that had none, and the last
# one. Where that time came after them, they began with the first.
FAILING = f"""
WITH moments AS (
    SELECT p.program AS name, w.destination_id AS place, w.time AS moment,
        sum(w.attempts * o.failed) AS failures
    FROM windows w {_JOINED}
    WHERE {_ASKED} AND {CONDITION} AND w.destination_id IN (
        SELECT w.destination_id FROM windows w
        JOIN outcomes o ON o.outcome_id = w.outcome_id
        WHERE {_ASKED} AND o.failed = 1
    )
    GROUP BY p.program, w.destination_id, w.time
), clean AS (
    SELECT name AS clean_name, place AS clean_place, max(moment) AS clean_moment
    FROM moments WHERE failures = 0 GROUP BY name, place
)
SELECT name, place,
    min(CASE WHEN clean_moment IS NULL OR moment > clean_moment THEN moment END),
    max(moment)
FROM moments LEFT JOIN clean ON clean_name = name AND clean_place = place
WHERE failures > 0
GROUP BY name, place"""  # noqa: S608
