"""Steps that make a history smaller: rows are folded, or go, a few at a time.

Each step is a transaction over at most MOST rows, or MOST_PAIRS, and returns whether
there was anything to do: what is interrupted has lost nothing, counts nothing twice,
and goes on with the next step. They raise sqlite3.Error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.history.schema import DAY, SIZE
from tcpconnect.history.store import ADD_LOSS, MERGED

if TYPE_CHECKING:
    from tcpconnect.history.store import Store

MOST = 4096
MOST_PAIRS = 65_536  # for which all pairs are looked at
FOREVER = 1 << 62

# The oldest time that has finer rows. It looks at each time, not at each row.
FINER = """
WITH RECURSIVE times (moment) AS (
    SELECT min(time) FROM windows
    UNION ALL
    SELECT (SELECT min(time) FROM windows WHERE time > moment)
    FROM times WHERE moment < :before
)
SELECT moment FROM times
WHERE moment < :before
    AND EXISTS (SELECT 1 FROM windows WHERE time = moment AND span < :span)
LIMIT 1"""
KEY = "time, span, program_id, destination_id, outcome_id"
FIRST_ROWS = f"""
SELECT {KEY} FROM windows WHERE time >= :begin AND time < :before AND span < :span
ORDER BY {KEY} LIMIT :most"""  # noqa: S608
FOLD = f"""
INSERT INTO windows
SELECT :begin, :span, program_id, destination_id, outcome_id, attempts, latency_us,
    latency_max_us, latencies, dns_us, syns
FROM windows WHERE ({KEY}) IN ({FIRST_ROWS}){MERGED}"""  # noqa: S608
DELETE = f"DELETE FROM windows WHERE ({KEY}) IN ({FIRST_ROWS})"  # noqa: S608
ALL = {"begin": -FOREVER, "before": FOREVER, "span": FOREVER, "most": MOST}
BY_DAY = f"""
SELECT time - time % {DAY} AS day_begin, sum(attempts) FROM windows
WHERE ({KEY}) IN ({FIRST_ROWS}) GROUP BY day_begin"""  # noqa: S608

# Pairs that no row has, or may have, and the names that only they have.
UNUSED = "CREATE TEMP TABLE IF NOT EXISTS unused (program_id, destination_id)"
UNSEEN = f"""
INSERT INTO temp.unused
SELECT program_id, destination_id FROM pairs
WHERE last_seen < ? LIMIT {MOST_PAIRS}"""  # noqa: S608
OF_FIRST_ROWS = f"""
INSERT INTO temp.unused
SELECT DISTINCT program_id, destination_id FROM ({FIRST_ROWS})"""  # noqa: S608
USED = """
WITH RECURSIVE times (moment) AS (
    SELECT min(time) FROM windows
    UNION ALL
    SELECT (SELECT min(time) FROM windows WHERE time > moment)
    FROM times WHERE moment IS NOT NULL
), moments (moment, wide) AS MATERIALIZED (
    SELECT DISTINCT moment, span FROM times JOIN windows ON time = moment
)
DELETE FROM temp.unused WHERE EXISTS (
    SELECT 1 FROM moments CROSS JOIN windows w
    ON w.time = moment AND w.span = wide AND w.program_id = unused.program_id
    AND w.destination_id = unused.destination_id)"""
FORGET = (
    """DELETE FROM pairs
    WHERE (program_id, destination_id) IN (SELECT * FROM temp.unused)""",
    """DELETE FROM destinations
    WHERE destination_id IN (SELECT destination_id FROM temp.unused)
    AND destination_id NOT IN (
        SELECT destination_id FROM pairs
        WHERE destination_id IN (SELECT destination_id FROM temp.unused))""",
    """DELETE FROM programs
    WHERE program_id IN (SELECT program_id FROM temp.unused)
    AND program_id NOT IN (
        SELECT program_id FROM pairs
        WHERE program_id IN (SELECT program_id FROM temp.unused))""",
    "DELETE FROM temp.unused",
)


def fold(store: Store, before: int, span: int) -> bool:
    """Fold the oldest finer rows before a time into one of a span that has them."""
    asked = {"before": before, "span": span}
    found = store.connection.execute(FINER, asked).fetchone()
    if not found:
        return False
    begin = found[0] - found[0] % span
    asked = {"begin": begin, "before": begin + span, "span": span, "most": MOST}
    with store.transaction():
        store.connection.execute(FOLD, asked)
        store.connection.execute(DELETE, asked)
    return True


def drop(store: Store, before: int) -> bool:
    """Delete the oldest rows before a time."""
    oldest = oldest_row(store)
    if oldest is None or oldest >= before:
        return False
    with store.transaction():
        store.connection.execute(DELETE, {**ALL, "before": before})
    return True


def sacrifice(store: Store, most: int) -> bool:
    """Delete the oldest rows, and count what they had as lost.

    Where there is one day left, their pairs go, too: ``forget`` does not find these.
    """
    execute, asked = store.connection.execute, {**ALL, "most": min(most, MOST)}
    execute(UNUSED)
    with store.transaction():
        for day, attempts in execute(BY_DAY, asked).fetchall():
            execute(ADD_LOSS, (store.run_id, day, SIZE, attempts))
        execute(OF_FIRST_ROWS, asked)
        deleted = execute(DELETE, asked).rowcount
        oldest, newest = oldest_row(store), newest_row(store)
        if oldest is None or newest is None or newest - oldest < DAY:
            execute(USED)
            for statement in FORGET:
                execute(statement)
        else:  # there are too many times to look at
            execute("DELETE FROM temp.unused")
    return deleted > 0


def forget(store: Store, before: int) -> bool:
    """Forget pairs that were not seen since a time, if no row has them.

    A pair was seen no earlier than the time of its last row: before the oldest row, no
    row has what goes.
    """
    oldest = oldest_row(store)
    seen = before if oldest is None else min(before, oldest)
    execute = store.connection.execute
    execute(UNUSED)
    with store.transaction():
        found = execute(UNSEEN, (seen,)).rowcount
        for statement in FORGET if found else ():
            execute(statement)
    return found > 0


def oldest_row(store: Store) -> int | None:
    """Return when the oldest row begins."""
    (time,) = store.connection.execute("SELECT min(time) FROM windows").fetchone()
    return None if time is None else int(time)


def newest_row(store: Store) -> int | None:
    """Return when the newest row begins."""
    (time,) = store.connection.execute("SELECT max(time) FROM windows").fetchone()
    return None if time is None else int(time)
