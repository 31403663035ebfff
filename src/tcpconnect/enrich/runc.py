"""Containers of plain runc, from its state files."""

from __future__ import annotations

import os
import re
from operator import is_not
from typing import TYPE_CHECKING

import msgspec

from tcpconnect.enrich.container import Container
from tcpconnect.enrich.container_names import read
from tcpconnect.enrich.files import machines_own
from tcpconnect.enrich.kept import Kept
from tcpconnect.enrich.runtimes import RUNC, RUNC_STATES, STATE

if TYPE_CHECKING:
    from collections.abc import Iterator


# Where runc expects cgroup v2, alone or with v1, and each hierarchy of v1.
_V2 = re.compile("/sys/fs/cgroup(?:/unified)?(?=/)")
_V1 = re.compile("/sys/fs/cgroup/[^/]+(?=/)")


class State(msgspec.Struct):
    """From state.json: the name given by the user, and the directories of its cgroups.

    The keys are controllers of cgroup v1; the key of cgroup v2 is empty.
    """

    id: str
    cgroup_paths: dict[str, str] = {}

    @property
    def container(self) -> Container:
        """The container: runc identifies it by the name that the user gave it."""
        return Container("runc", self.id, self.id)


def states(root: str = "/") -> Iterator[State]:
    """Yield the containers below ``root``, also those of runtimes that use runc."""
    yield from read(RUNC_STATES, State, root)


class Containers:
    """The containers by their cgroups; each file is read once.

    Anyone can make cgroups that are looked for here: that takes little time.
    """

    def __init__(self, root: str = "/") -> None:
        self._listings = Kept(os.listdir)
        self._files = Kept(_state)
        self._folders = [f"{root.rstrip('/')}/{folder}" for folder in RUNC]
        self._listed: list[list[str] | None] = []
        self._unread: list[str] = []  # of those that are just being made
        self._found: dict[tuple[bool, str], Container] = {}
        self._lengths: list[int] = []  # of the paths there, the longest first

    def find(self, path: str, legacy: str) -> Container | None:
        """Return the innermost one that paths in cgroup v2 and in v1 lie in."""
        self._refresh()
        return self._above(path, v1=False) or self._above(legacy, v1=True)

    def _above(self, path: str, *, v1: bool) -> Container | None:
        for length in self._lengths:
            if path[length : length + 1] in {"", "/"}:
                found = self._found.get((v1, path[:length]))
                if found:
                    return found
        return None

    def _refresh(self) -> None:
        listed = [self._list(folder) for folder in self._folders]
        if len(listed) != len(self._listed) or any(map(is_not, listed, self._listed)):
            self._listed = listed
            self._found.clear()
            self._unread = [
                f"{folder}/{name}/{STATE}"
                for folder, names in zip(self._folders, listed, strict=True)
                for name in names or ()
            ]
        elif not self._unread:
            return
        self._unread = [path for path in self._unread if not self._take(path)]
        self._lengths = sorted({len(path) for _, path in self._found}, reverse=True)

    def _list(self, folder: str) -> list[str] | None:
        try:
            return self._listings.get(folder)
        except OSError:
            return None

    def _take(self, path: str) -> bool:
        try:
            state = self._files.get(path)
        except OSError:
            return False
        if state is None:
            return False
        for controller, directory in state.cgroup_paths.items():
            known = (_V1 if controller else _V2).sub("", directory, count=1)
            if len(known) > 1:
                self._found.setdefault((bool(controller), known), state.container)
        return True


def _state(path: str) -> State | None:
    return next(machines_own(path, State), None)
