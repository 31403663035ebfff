"""The filters by what only user space knows: names, units, pods and results.

The kernel's filters (kernel/filters.py) come first: what passes them is decoded, and
what passes these is shown, or counted.
"""

from __future__ import annotations

import re
from fnmatch import translate
from typing import TYPE_CHECKING

from tcpconnect.enrich.place import UNIT
from tcpconnect.memo import Memo

if TYPE_CHECKING:
    from collections.abc import Collection

    from tcpconnect.connection import Connection
    from tcpconnect.settings import Settings

MAX_KNOWN = 8192  # values whose answer is kept
SERVICE = ".service"


class Wanted:
    """Passes the events that all filters want; one that is off wants all.

    What is unknown of an event passes no filter.
    """

    def __init__(self, settings: Settings) -> None:
        self._names = matcher([name.lower() for name in settings.to_names])
        self._units = matcher(with_service(settings.units))
        self._pods = matcher(with_namespace(settings.pods))
        self._results = frozenset(settings.results)

    def __call__(self, events: list[Connection]) -> list[Connection]:
        """Return those that are wanted."""
        if self._results:
            events = [e for e in events if e.result in self._results]
        if (names := self._names) is not None:
            events = [e for e in events if names[(e.query or "").lower()]]
        if (units := self._units) is not None:
            events = [e for e in events if units[e.unit or ""]]
        if (pods := self._pods) is not None:
            events = [e for e in events if pods[e.pod or ""]]
        return events


def with_service(units: Collection[str]) -> list[str]:
    """Return patterns for units; ``.service`` may be left out."""
    short = [unit for unit in units if not UNIT.fullmatch(unit)]
    return [*units, *(unit + SERVICE for unit in short)]


def with_namespace(pods: Collection[str]) -> list[str]:
    """Return patterns for pods: without a namespace, in any."""
    short = [pod for pod in pods if "/" not in pod]
    return [*pods, *(f"*/{pod}" for pod in short)]


def matcher(patterns: Collection[str]) -> Memo[str, bool] | None:
    """Return whether values match one of these patterns; None without any."""
    if not patterns:
        return None
    match = re.compile("|".join(map(translate, patterns))).fullmatch
    return Memo(lambda value: value != "" and bool(match(value)), MAX_KNOWN)
