"""Keep: folds old rows of a history into coarser ones, and drops the oldest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.history.packed import merged
from tcpconnect.history.schema import DAY, HOUR, MINUTE
from tcpconnect.history.store import ADD_ATTEMPTS

if TYPE_CHECKING:
    import sqlite3

    from tcpconnect.history.store import Store
    from tcpconnect.history.terms import Terms

MINUTES_S = 48 * HOUR  # for so long rows of a minute are kept
ENOUGH = 0.9  # of the greatest size: so far it is made smaller, lest it be each time
WIDER = {MINUTE: HOUR, HOUR: DAY}
FOLDED = """
SELECT program_id, destination_id, outcome_id, sum(attempts), sum(latency_us),
       max(latency_max_us), merged_all(latencies), sum(dns_us), sum(syns)
FROM windows WHERE time >= ? AND time < ? AND span = ?
GROUP BY program_id, destination_id, outcome_id"""
# What no row of windows, and no pair, uses any more.
UNUSED = """
DELETE FROM {names} WHERE {id} NOT IN (SELECT {id} FROM pairs)
AND {id} NOT IN (SELECT {id} FROM windows)"""
NAMES = (("programs", "program_id"), ("destinations", "destination_id"))
# What is older than a time; of that, nobody watched.
FORGET = (
    "DELETE FROM windows WHERE time < ?",
    "DELETE FROM pairs WHERE last_seen < ?",
    "DELETE FROM runs WHERE watched < ?",
    "DELETE FROM losses WHERE time < ?",
    "DELETE FROM alerts WHERE time < ?",
    "UPDATE runs SET started = ?1 WHERE started < ?1",
)


class Keep:
    """Keeps a history as its terms say."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._hour = 0  # that was folded

    def work(self, store: Store, now: int) -> bool:
        """Fold and drop what is due; return whether its size made it drop more.

        Raises sqlite3.Error.
        """
        connection = store.connection
        connection.create_aggregate("merged_all", 1, MergedAll)  # type: ignore[arg-type]
        if now // HOUR != self._hour:
            with store.transaction():
                self._fold(connection, now)
            self._hour = now // HOUR
        if size_of(connection) <= self._terms.max_size:
            return False
        while size_of(connection) > self._terms.max_size * ENOUGH:
            with store.transaction():
                if not _drop_one(connection):
                    break
        with store.transaction():
            _drop_unused(connection)
        connection.execute("PRAGMA incremental_vacuum").fetchall()
        return True

    def _fold(self, connection: sqlite3.Connection, now: int) -> None:
        """Fold rows that are older than their span is kept for."""
        for span, kept_s in ((MINUTE, MINUTES_S), (HOUR, self._terms.keep_s)):
            wide = WIDER[span]
            while (oldest := _oldest(connection, span)) is not None:
                if oldest - oldest % wide + wide > now - kept_s:
                    break
                _widen(connection, oldest, span)
        _forget(connection, now - self._terms.keep_days * DAY)


def size_of(connection: sqlite3.Connection) -> int:
    """Return how many bytes of the file are in use."""
    sizes = [
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    ]
    return int((sizes[0] - sizes[1]) * sizes[2])


class MergedAll:
    """The aggregate of packed latencies: their sums."""

    def __init__(self) -> None:
        self._packed = b""

    def step(self, packed: bytes) -> None:
        """Add some."""
        self._packed = merged((self._packed, packed))

    def finalize(self) -> bytes:
        """Return the sums."""
        return self._packed


def _oldest(connection: sqlite3.Connection, span: int) -> int | None:
    statement = "SELECT min(time) FROM windows WHERE span = ?"
    (oldest,) = connection.execute(statement, (span,)).fetchone()
    return None if oldest is None else int(oldest)


def _widen(connection: sqlite3.Connection, time: int, span: int) -> None:
    """Fold the rows of the wider span that a time is in."""
    wide = WIDER[span]
    since = time - time % wide
    within = since, since + wide, span
    rows = connection.execute(FOLDED, within).fetchall()
    connection.execute(
        "DELETE FROM windows WHERE time >= ? AND time < ? AND span = ?", within
    )
    connection.executemany(ADD_ATTEMPTS, [(since, wide, *row) for row in rows])


def _drop_one(connection: sqlite3.Connection) -> bool:
    """Make the finest and oldest rows coarser, else drop the oldest; False if none."""
    for span in WIDER:
        oldest = _oldest(connection, span)
        if oldest is not None:
            _widen(connection, oldest, span)
            return True
    oldest = _oldest(connection, DAY)
    if oldest is None:
        return False
    _forget(connection, oldest + DAY)
    return True


def _forget(connection: sqlite3.Connection, before: int) -> None:
    for statement in FORGET:
        connection.execute(statement, (before,))
    _drop_unused(connection)


def _drop_unused(connection: sqlite3.Connection) -> None:
    for table, number in NAMES:
        connection.execute(UNUSED.format(names=table, id=number))
