"""Keep: keeps a history within its terms, a few steps at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect import store_messages
from tcpconnect.errors import OutputError
from tcpconnect.history import log, past
from tcpconnect.history.clock import RUNS, doubtful_s
from tcpconnect.history.file import give_back
from tcpconnect.history.schema import DAY, HOUR
from tcpconnect.history.steps import FOREVER, drop, fold, oldest_row, sacrifice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcpconnect.history.store import Store
    from tcpconnect.history.terms import Terms

MINUTES_S = 48 * HOUR  # for so long rows of a minute are kept
STEPS = 64  # of one call
DROPS = 32  # steps that drop all rows, in a file that is not large
ENOUGH = 0.9  # of the greatest size: so far it is made smaller, lest it be each time
GIVEN_BACK = 4096  # pages, of one call
ROW_BYTES = 64  # of a row, with a part of its names
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
        self._log = log.share_of(terms.max_size)
        self._rows = terms.max_size - self._log

    def make_room(self, store: Store) -> None:
        """Empty the log, if it is too large. Raises OutputError if that can't be done.

        Raises sqlite3.Error.
        """
        log.bound(store, self._log)
        if not self._has_room(store):
            raise OutputError(store_messages.HISTORY_HELD, path=store.path)

    def work(self, store: Store, now: int) -> bool:
        """Do some of what is due; return whether its size made it fold or drop rows.

        Raises sqlite3.Error.
        """
        if now // HOUR != self._hour and not doubtful_s(store.connection.execute(RUNS)):
            left = STEPS
            while left and self._has_room(store) and self._age(store, now):
                left -= 1
            if left and self._has_room(store):
                past.forget(store, self._begin(now))
                self._hour = now // HOUR
        is_full = used_by(store) > self._rows
        if is_full:
            self._shrink(store, now)
        size = _number(store, "page_count") * _number(store, "page_size")
        if size > self._rows and self._has_room(store):
            give_back(store.connection, GIVEN_BACK)
            log.empty(store)  # only then the file becomes shorter
        return is_full

    def _shrink(self, store: Store, now: int) -> None:
        """Fold and drop rows until it is small enough, or enough was done."""
        least = self._rows // ROW_BYTES // DROPS
        for n, _ in enumerate(_shrinking(store, now, max(least, 1)), 1):
            is_small = used_by(store) <= self._rows * ENOUGH
            if n == STEPS or is_small or not self._has_room(store):
                break

    def _has_room(self, store: Store) -> bool:
        """Whether the log has room for a step, maybe after it was emptied."""
        return not log.is_over(store, self._log) or log.empty(store)

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


def used_by(store: Store) -> int:
    """Return how many bytes of the file are in use."""
    pages = _number(store, "page_count") - _number(store, "freelist_count")
    return pages * _number(store, "page_size")


def _number(store: Store, pragma: str) -> int:
    (number,) = store.connection.execute(f"PRAGMA {pragma}").fetchone()
    return int(number)


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
