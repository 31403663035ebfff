"""The log beside a history (SQLite's WAL), bounded.

SQLite empties it when no transaction reads what was before: it grows for as long as
somebody reads in one transaction. The functions raise sqlite3.Error.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tcpconnect.history.store import Store

MOST = 16_000_000  # bytes, or a quarter of what a history may have
PAGES = 1000  # after so many SQLite moves them into the file; its own default


def share_of(max_size: int) -> int:
    """Return how many bytes of a history's size its log may have."""
    return min(MOST, max_size // 4)


def bound(store: Store, most: int) -> None:
    """Have it emptied before it has so many bytes, if nobody reads."""
    (page,) = store.connection.execute("PRAGMA page_size").fetchone()
    pages = min(PAGES, most // 2 // page)
    store.connection.execute(f"PRAGMA wal_autocheckpoint = {max(pages, 1)}")


def is_over(store: Store, most: int) -> bool:
    """Whether it has more bytes than that."""
    try:
        return os.stat(f"{store.path}-wal").st_size > most
    except OSError:
        return False


def empty(store: Store) -> bool:
    """Move it into the file; return whether nobody is in the way."""
    (busy, *_) = store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy
