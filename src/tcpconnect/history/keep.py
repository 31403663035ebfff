"""Keep: keeps a history within its terms, a few steps at a time."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from tcpconnect import store_messages
from tcpconnect.errors import OutputError
from tcpconnect.history import log, past
from tcpconnect.history.clock import RUNS, doubtful_s
from tcpconnect.history.file import give_back
from tcpconnect.history.schema import DAY, HOUR
from tcpconnect.history.steps import (
    FOREVER,
    drop,
    fold,
    forget,
    oldest_row,
    sacrifice,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcpconnect.history.store import Store
    from tcpconnect.history.terms import Terms

MINUTES_S = 48 * HOUR  # for so long rows of a minute are kept
BUSY_S = 2.0  # for which one call takes steps
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
        end = monotonic() + BUSY_S
        if now // HOUR != self._hour and not doubtful_s(store.connection.execute(RUNS)):
            self._age(store, now, end)
        is_full = used_by(store) > self._rows
        if is_full:
            self._shrink(store, now, end)
        size = _number(store, "page_count") * _number(store, "page_size")
        if size > self._rows and self._has_room(store):
            give_back(store.connection, GIVEN_BACK)
            log.empty(store)  # only then the file becomes shorter
        return is_full

    def _age(self, store: Store, now: int, end: float) -> None:
        """Fold and drop what is too old, until it is done, or until then."""
        begin = now - self._terms.keep_days * DAY
        begin -= begin % DAY
        for _ in _ageing(store, now, begin, int(self._terms.keep_s)):
            if monotonic() > end or not self._has_room(store):
                return
        past.forget(store, begin)
        self._hour = now // HOUR

    def _shrink(self, store: Store, now: int, end: float) -> None:
        """Fold and drop rows until it is small enough, or until then."""
        least = self._rows // ROW_BYTES // DROPS
        for _ in _shrinking(store, now, max(least, 1)):
            is_small = used_by(store) <= self._rows * ENOUGH
            if is_small or monotonic() > end or not self._has_room(store):
                break

    def _has_room(self, store: Store) -> bool:
        """Whether the log has room for a step, maybe after it was emptied."""
        return not log.is_over(store, self._log) or log.empty(store)


def used_by(store: Store) -> int:
    """Return how many bytes of the file are in use."""
    pages = _number(store, "page_count") - _number(store, "freelist_count")
    return pages * _number(store, "page_size")


def _number(store: Store, pragma: str) -> int:
    (number,) = store.connection.execute(f"PRAGMA {pragma}").fetchone()
    return int(number)


def _ageing(store: Store, now: int, begin: int, keep_s: int) -> Iterator[None]:
    """Take steps until rows are as old as they may be; pairs go with their rows."""
    days, hours = now - keep_s, now - MINUTES_S
    while (
        drop(store, begin)
        or fold(store, days - days % DAY, DAY)
        or fold(store, hours - hours % HOUR, HOUR)
        or forget(store, begin)
    ):
        yield


def _shrinking(store: Store, now: int, rows: int) -> Iterator[None]:
    """Make it smaller with each step, until nothing is left: finest and oldest first.

    So many rows are dropped by a step.

    Today's rows are folded into the day before it is over only where they are the most:
    else, in a full file, all of them always would be.
    """
    today = now - now % DAY
    while forget(store, FOREVER):  # what no row has had since the last call
        yield
    for before, span in ((now - now % HOUR, HOUR), (today, DAY)):
        while fold(store, before, span):
            yield
    oldest = oldest_row(store)
    if past.condense(store, today, today if oldest is None else oldest):
        yield
    (are_most,) = store.connection.execute(OF_TODAY, {"today": today}).fetchone()
    for span in (HOUR, DAY) if are_most else ():
        while fold(store, FOREVER, span):
            yield
    while sacrifice(store, rows):
        yield
        last, oldest = oldest, oldest_row(store)
        while oldest != last and forget(store, FOREVER):
            yield
