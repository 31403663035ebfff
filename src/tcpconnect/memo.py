"""Memo: what a function makes of keys, kept for the next time."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Key = TypeVar("Key")
Made = TypeVar("Made")


class Memo(dict[Key, Made]):
    """A dict that makes what is missing; when it has ``most``, it begins anew.

    ``keeps`` is asked whether a key and what was made of it are kept; without, all are.
    To find a key takes a third of what it takes in functools.lru_cache.
    """

    def __init__(
        self,
        make: Callable[[Key], Made],
        most: int,
        keeps: Callable[[Key, Made], bool] | None = None,
    ) -> None:
        self._make = make
        self._most = most
        self._keeps = keeps

    def __missing__(self, key: Key) -> Made:
        made = self._make(key)
        if self._keeps and not self._keeps(key, made):
            return made
        if len(self) >= self._most:
            self.clear()
        self[key] = made
        return made
