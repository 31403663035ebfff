"""Terms: how a history is kept, for how long, how large, and whose it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tcpconnect.history.schema import DAY

if TYPE_CHECKING:
    from tcpconnect.machine.account import Account

KEEP_S = 30 * DAY
KEEP_DAYS = 400
MAX_SIZE = 200 << 20


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How a history is kept.

    Rows of an hour are kept for ``keep_s`` seconds, those of a day for ``keep_days``;
    ``max_size``, in bytes, wins over both. It is made with ``mode``, and belongs to
    ``account`` where root writes it.
    """

    keep_s: float = KEEP_S
    keep_days: int = KEEP_DAYS
    max_size: int = MAX_SIZE
    mode: int = 0o600
    account: Account | None = None
