"""Past: what is known of times that a history has no rows of, made less.

Who watched, what was lost and what alerts have said are few rows, but they add up over
years. The functions raise sqlite3.Error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.history.schema import DAY

if TYPE_CHECKING:
    from tcpconnect.history.store import Store

MOST_RUNS = 10_000

# Of what nobody knows any more, nobody watched.
FORGET = (
    "DELETE FROM losses WHERE time < :before",
    "DELETE FROM alerts WHERE time < :before",
    "UPDATE runs SET started = :before WHERE started < :before",
    """DELETE FROM runs WHERE run_id != :run
    AND (watched < :before OR run_id <= :run - :most)""",
)
# The losses of a day are in the minute in which it begins: coverage.py knows.
ADD_BY_DAY = f"""
INSERT INTO losses
SELECT run_id, time - time % {DAY}, reason, lost FROM losses
WHERE time < :before AND time % {DAY} != 0
ON CONFLICT DO UPDATE SET lost = lost + excluded.lost"""  # noqa: S608
CONDENSE = (
    ADD_BY_DAY,
    f"DELETE FROM losses WHERE time < :before AND time % {DAY} != 0",  # noqa: S608
    "DELETE FROM alerts WHERE time < :oldest",
)


def forget(store: Store, before: int) -> None:
    """Forget who watched before a time, and what was lost; but not this run."""
    values = {"before": before, "run": store.run_id, "most": MOST_RUNS}
    _run(store, FORGET, values)


def condense(store: Store, before: int, oldest: int) -> bool:
    """Count losses before a time by the day; forget alerts before the oldest row.

    It returns whether there were any.
    """
    changes = store.connection.total_changes
    _run(store, CONDENSE, {"before": before, "oldest": oldest})
    return store.connection.total_changes > changes


def _run(store: Store, statements: tuple[str, ...], values: dict[str, int]) -> None:
    with store.transaction():
        for statement in statements:
            store.connection.execute(statement, values)
