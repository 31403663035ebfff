"""The tables of a history: what each column means, and its unit.

All times are whole seconds since the epoch (UTC); durations are microseconds. Text that
there is none of is ''. The names hold in every database, so that the statements of
``queries.py`` run unchanged in all of them.
"""

from __future__ import annotations

VERSION = 1  # PRAGMA user_version; a greater one is refused, a lesser one is brought up
APPLICATION_ID = 0x74637063  # "tcpc"

MINUTE, HOUR, DAY = 60, 3_600, 86_400  # the spans of rows

SIZE = "size"  # the reason of a loss: rows were deleted since the file was full

# A row of windows counts the attempts that ended in the ``span`` seconds from ``time``.
# Rows of different spans never count the same attempt: older rows are folded into
# coarser ones. program: its pod (by the workload), container, unit, or exe, with an
# interpreter's script. destination: the name, else the address, a network
# (10.2.3.0/24), or *. address: of its last attempt. failed: 1 where the attempts did
# not succeed.
TABLES = (
    """CREATE TABLE programs (
        program_id INTEGER PRIMARY KEY,
        program TEXT NOT NULL,
        container TEXT NOT NULL,
        unit TEXT NOT NULL,
        pod TEXT NOT NULL,
        uid INTEGER NOT NULL,
        UNIQUE (program, container, unit, pod, uid)
    ) STRICT""",
    """CREATE TABLE destinations (
        destination_id INTEGER PRIMARY KEY,
        destination TEXT NOT NULL,
        dport INTEGER NOT NULL,
        query TEXT NOT NULL,
        address TEXT NOT NULL,
        UNIQUE (destination, dport)
    ) STRICT""",
    """CREATE TABLE outcomes (
        outcome_id INTEGER PRIMARY KEY,
        result TEXT NOT NULL,
        why TEXT NOT NULL,
        failed INTEGER NOT NULL,
        UNIQUE (result, why)
    ) STRICT""",
    # latencies: attempts by latency, packed as history/packed.py says; latency, DNS
    # time and SYNs are sums over the attempts that have one.
    """CREATE TABLE windows (
        time INTEGER NOT NULL,
        span INTEGER NOT NULL,
        program_id INTEGER NOT NULL,
        destination_id INTEGER NOT NULL,
        outcome_id INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        latency_us INTEGER NOT NULL,
        latency_max_us INTEGER NOT NULL,
        latencies BLOB NOT NULL,
        dns_us INTEGER NOT NULL,
        syns INTEGER NOT NULL,
        PRIMARY KEY (time, span, program_id, destination_id, outcome_id)
    ) STRICT, WITHOUT ROWID""",
    # A program and a destination that it has reached, or tried to.
    """CREATE TABLE pairs (
        program_id INTEGER NOT NULL,
        destination_id INTEGER NOT NULL,
        first_seen INTEGER NOT NULL,
        last_seen INTEGER NOT NULL,
        PRIMARY KEY (program_id, destination_id)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX pairs_first_seen ON pairs (first_seen)",
    # A run of the recorder: it watched from started until watched, in one boot.
    # ended is 0 while it runs, or when it was killed.
    """CREATE TABLE runs (
        run_id INTEGER PRIMARY KEY,
        host TEXT NOT NULL,
        boot TEXT NOT NULL,
        version TEXT NOT NULL,
        options TEXT NOT NULL,
        pid INTEGER NOT NULL,
        started INTEGER NOT NULL,
        watched INTEGER NOT NULL,
        ended INTEGER NOT NULL
    ) STRICT""",
    # What was lost in the minute from time, by the reason: a member of Losses, or
    # waiting (windows that could not be kept), truncated (a file cut by others), SIZE.
    # In the minute in which a day begins there may be all losses of the day.
    """CREATE TABLE losses (
        run_id INTEGER NOT NULL,
        time INTEGER NOT NULL,
        reason TEXT NOT NULL,
        lost INTEGER NOT NULL,
        PRIMARY KEY (run_id, time, reason)
    ) STRICT, WITHOUT ROWID""",
    # What alerts have said: kind is new, failing or solved; line is the sentence.
    # alert_schema.py has the tables of what they know, which are in another file.
    """CREATE TABLE alerts (
        time INTEGER NOT NULL,
        kind TEXT NOT NULL,
        program TEXT NOT NULL,
        destination TEXT NOT NULL,
        dport INTEGER NOT NULL,
        line TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX alerts_time ON alerts (time)",
)
