"""The tables of alerts: what they know, and what waits, in a file beside the history.

Times are of the observed clock (alerts/learning.py), but for those in states.
"""

from __future__ import annotations

BESIDE = ".alerts"  # the end of their file's name, behind that of the history
ALERT_TABLES = (
    # observed: the clock; hour: what was reported of the hour, as JSON.
    """CREATE TABLE IF NOT EXISTS alert_state (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS alert_programs (
        program TEXT PRIMARY KEY,
        since INTEGER NOT NULL,
        seen INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    # Shapes of names (alerts/shapes.py).
    """CREATE TABLE IF NOT EXISTS alert_pairs (
        program TEXT NOT NULL,
        destination TEXT NOT NULL,
        dport INTEGER NOT NULL,
        seen INTEGER NOT NULL,
        PRIMARY KEY (program, destination, dport)
    ) STRICT, WITHOUT ROWID""",
    # state: a State of alerts/failing.py, as JSON.
    """CREATE TABLE IF NOT EXISTS alert_failing (
        program TEXT NOT NULL,
        destination TEXT NOT NULL,
        dport INTEGER NOT NULL,
        state TEXT NOT NULL,
        PRIMARY KEY (program, destination, dport)
    ) STRICT, WITHOUT ROWID""",
    # What was not sent to a channel yet: a Notice of alerts/alert.py, as JSON.
    """CREATE TABLE IF NOT EXISTS alert_waiting (
        waiting_id INTEGER PRIMARY KEY,
        channel TEXT NOT NULL,
        notice_id TEXT NOT NULL,
        notice TEXT NOT NULL,
        UNIQUE (channel, notice_id)
    ) STRICT""",
)

# In the history itself: pairs that were accepted, until the recorder takes them.
OTHERS_ACCEPTED = """CREATE TABLE IF NOT EXISTS alert_accepted (
    program TEXT NOT NULL,
    destination TEXT NOT NULL,
    dport INTEGER NOT NULL
) STRICT"""
# A row that may have been added by who was killed then.
ADD_ALERT = """
INSERT INTO alerts (time, kind, program, destination, dport, line)
SELECT :time, :kind, :program, :destination, :dport, :line
WHERE NOT EXISTS (
    SELECT 1 FROM alerts WHERE time = :time AND kind = :kind AND program = :program
        AND destination = :destination AND dport = :dport AND line = :line
)"""
