"""Tally: how many destinations are new, and how many fail, for metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpconnect.alerts.alert import FAILING, NEW

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from tcpconnect.alerts.alert import Alert


class Tally:
    """Numbers that one thread writes and others read; None: nobody looks for it.

    ``new`` counts up, ``failing`` are those that fail now.
    """

    def __init__(self, kinds: Collection[str]) -> None:
        self.new = 0 if NEW in kinds else None
        self.failing = 0 if FAILING in kinds else None

    def take(self, alerts: Iterable[Alert], failing: int) -> None:
        """Take the alerts of a window, and how many fail after it."""
        if self.new is not None:
            self.new += sum(each.more or 1 for each in alerts if each.kind == NEW)
        if self.failing is not None:
            self.failing = failing
