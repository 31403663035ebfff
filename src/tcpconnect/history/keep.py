"""Keep: keeps a history within its terms, a few steps at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.history import past
from tcpconnect.history.clock import RUNS, doubtful_s
from tcpconnect.history.schema import DAY, HOUR
from tcpconnect.history.steps import FOREVER, drop, fold, oldest_row, sacrifice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcpconnect.history.store import Store
    from tcpconnect.history.terms import Terms

MINUTES_S = 48 * HOUR  # for so long rows of a minute are kept
STEPS = 64  # of one call
ENOUGH = 0.9  # of the greatest size: so far it is made smaller, lest it be each time
ROW_BYTES = 64  # that a row takes at least, with its names: so many are dropped at once
OF_TODAY = """
SELECT (SELECT count(*) FROM windows WHERE time >= :today)
    > (SELECT count(*) FROM windows WHERE time < :today)"""


class Keep:
    """Keeps a history as its terms say: by the age of rows, and by its size.

    What a call does not get done, the next one does.
    """

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._hour = 0  # for which nothing is due any more

    def work(self, store: Store, now: int) -> bool:
        """Do some of what is due; return whether its size made it fold or drop rows.

        Raises sqlite3.Error.
        """
        if now // HOUR != self._hour and not doubtful_s(store.connection.execute(RUNS)):
            left = STEPS
            while left and self._age(store, now):
                left -= 1
            if left:
                past.forget(store, self._begin(now))
                self._hour = now // HOUR
        if size_of(store) <= self._terms.max_size:
            return False
        enough = self._terms.max_size * ENOUGH
        least = self._terms.max_size // ROW_BYTES // STEPS
        for n, _ in enumerate(_shrinking(store, now, max(least, 1)), 1):
            if n == STEPS or size_of(store) <= enough:
                break
        store.connection.execute("PRAGMA incremental_vacuum").fetchall()
        return True

    def _begin(self, now: int) -> int:
        """Return since when rows are kept."""
        begin = now - self._terms.keep_days * DAY
        return begin - begin % DAY

    def _age(self, store: Store, now: int) -> bool:
        """Do a step that time asks for; return whether there was one."""
        days, hours = now - int(self._terms.keep_s), now - MINUTES_S
        return (
            drop(store, self._begin(now))
            or fold(store, days - days % DAY, DAY)
            or fold(store, hours - hours % HOUR, HOUR)
        )


def size_of(store: Store) -> int:
    """Return how many bytes of the file are in use."""
    pages, free, size = (
        store.connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _shrinking(store: Store, now: int, rows: int) -> Iterator[None]:
    """Make it smaller with each step, until nothing is left: finest and oldest first.

    So many rows are dropped by a step.

    Today's rows are folded into the day before it is over only where they are the most:
    else, in a full file, all of them always would be.
    """
    today = now - now % DAY
    for before, span in ((now - now % HOUR, HOUR), (today, DAY)):
        while fold(store, before, span):
            yield
    oldest = oldest_row(store)
    past.condense(store, today, today if oldest is None else oldest)
    yield
    (are_most,) = store.connection.execute(OF_TODAY, {"today": today}).fetchone()
    for span in (HOUR, DAY) if are_most else ():
        while fold(store, FOREVER, span):
            yield
    while sacrifice(store, rows):
        yield
