"""The statements of a report, for every database that history/queries.py is for.

A pair is the name of a program, which several rows of programs may share, and the ID
of a destination.
"""

from __future__ import annotations

from tcpconnect.history.queries import ASKED

CONDITION = "/* condition */"  # what more the rows of windows must fulfil
_ROWS = f"""
    SELECT time, span, program_id, destination_id, outcome_id, attempts
    FROM windows WHERE {ASKED}{CONDITION}"""  # noqa: S608

HOST = """
SELECT host, (SELECT min(started) FROM runs) FROM runs ORDER BY run_id DESC LIMIT 1"""
COARSEST = f"SELECT max(span) FROM windows WHERE {ASKED}{CONDITION}"  # noqa: S608

# IDs are grouped first: names are looked up once for each group.
PAIRS = f"""
WITH counted AS (
    SELECT program_id, destination_id, outcome_id, sum(attempts) AS n,
        sum(latency_us) AS spent_us, max(latency_max_us) AS most_us,
        sum(dns_us) AS asked_us, max(time) AS last_time
    FROM windows WHERE {ASKED}{CONDITION}
    GROUP BY program_id, destination_id, outcome_id
)
SELECT p.program, d.destination_id, d.destination, d.dport, o.result, o.why, o.failed,
    c.n, c.spent_us, c.most_us, c.asked_us, c.last_time
FROM counted c
JOIN programs p ON p.program_id = c.program_id
JOIN destinations d ON d.destination_id = c.destination_id
JOIN outcomes o ON o.outcome_id = c.outcome_id"""  # noqa: S608

# Pairs that were never seen before, whichever user, unit or container it was.
NEW = """
SELECT p.program, s.destination_id, min(s.first_seen)
FROM pairs s JOIN programs p ON p.program_id = s.program_id
WHERE s.destination_id IN (
    SELECT destination_id FROM pairs WHERE first_seen >= :since AND first_seen < :until
)
GROUP BY p.program, s.destination_id
HAVING min(s.first_seen) >= :since"""

BINS = f"""
SELECT r.time - r.time % :step AS begin_time, sum(r.attempts) AS n,
    sum(r.attempts * o.failed) AS bad
FROM ({_ROWS}
) r JOIN outcomes o ON o.outcome_id = r.outcome_id
GROUP BY r.time - r.time % :step
ORDER BY r.time - r.time % :step"""  # noqa: S608

# For each pair with failures, when they began after the last time without one, if
# they did, and the last one.
FAILING = f"""
WITH moments AS (
    SELECT p.program AS name, r.destination_id AS place, r.time AS moment,
        sum(r.attempts * o.failed) AS failures
    FROM ({_ROWS}
        AND destination_id IN (
            SELECT destination_id FROM windows
            WHERE {ASKED} AND outcome_id IN (
                SELECT outcome_id FROM outcomes WHERE failed = 1
            )
        )
    ) r
    JOIN programs p ON p.program_id = r.program_id
    JOIN outcomes o ON o.outcome_id = r.outcome_id
    GROUP BY p.program, r.destination_id, r.time
), clean AS (
    SELECT name AS clean_name, place AS clean_place, max(moment) AS clean_moment
    FROM moments WHERE failures = 0 GROUP BY name, place
)
SELECT name, place,
    min(CASE WHEN moment > coalesce(clean_moment, 0) THEN moment END) AS first_time,
    max(moment) AS last_time
FROM moments LEFT JOIN clean ON clean_name = name AND clean_place = place
WHERE failures > 0
GROUP BY name, place"""  # noqa: S608

# Alerts of the time asked for, and earlier ones of what may still fail.
ALERTS = """
SELECT time, kind, program, destination, dport, line FROM alerts
WHERE time < :until AND (time >= :since OR kind <> 'new')
ORDER BY time, line"""
