"""Stages, which change events between their source and the outputs."""

from __future__ import annotations

from typing import Any


class Limit:
    """Passes a number of events."""

    def __init__(self, limit: int) -> None:
        self._left = limit

    @property
    def ended(self) -> bool:
        """Whether all have passed."""
        return not self._left

    def __call__(self, events: list[Any]) -> list[Any]:
        """Return those that may pass."""
        passed = events[: self._left]
        self._left -= len(passed)
        return passed
