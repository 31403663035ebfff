"""The names of addresses, stored by who asked for them, in bounded memory."""

from __future__ import annotations

import re
from collections import OrderedDict
from sys import getsizeof
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Iterable

KEPT = 4  # names of each scope: an attempt may have begun before the newest came
SCOPES_PER_ADDRESS = 2048

# Bytes for names, for each address on average.
BYTES_PER_ADDRESS = 4800
LEAST_BYTES = 1 << 20
# CPython's overhead besides texts: for an address; for a scope of it, with its place in
# the table of scopes; for a name, with its times.
ADDRESS_BYTES, SCOPE_BYTES, NAME_BYTES = 640, 320, 176

# Who a name belongs to: the first word, which is what query_scope shows, with numbers.
Scope = tuple[str | int, ...]
PROCESS, CGROUP, NETNS, HOST = "process", "cgroup", "netns", "host"
ANYONE: Scope = (HOST,)
ROOT_CGROUP = 1  # fs/kernfs/dir.c: the root of a hierarchy has its first ID

# Addresses that mean something else in every network namespace: 127.0.0.0/8, ::1 and
# fe80::/10.
LOCAL = re.compile(r"127\.|::1$|fe[89ab][0-9a-f]:")
# connect(2) to these goes to the loopback address.
UNSPECIFIED = {"127.0.0.1": "0.0.0.0", "::1": "::"}  # noqa: S104
UNSPECIFIED_ADDRESSES = frozenset(UNSPECIFIED.values())


class Name(msgspec.Struct, frozen=True):
    """A name of an address: where it came from, and when (CLOCK_MONOTONIC)."""

    text: str
    source: str
    time_ns: int
    asked_ns: int  # 0: unknown
    renewed: bool = False  # it came again later, at an unknown time


class Asker(msgspec.Struct, frozen=True):
    """The process that asked for a name, or connects, and its places.

    ``pid`` is 0 if the process is unknown; ``start_ns`` distinguishes it from earlier
    and later processes with its PID.
    """

    pid: int
    start_ns: int
    cgroup: int
    netns: int

    @property
    def process(self) -> Scope:
        """The scope of the process alone."""
        return PROCESS, self.pid, self.start_ns

    @property
    def places(self) -> tuple[Scope, ...]:
        """The scopes that share the names of this process, the nearest first.

        With cgroup v1 all processes are in the root of v2, which is not a scope.
        """
        netns = NETNS, self.netns
        if self.cgroup == ROOT_CGROUP:
            return netns, ANYONE
        cgroup = self.cgroup
        return (CGROUP, cgroup, self.netns), (CGROUP, cgroup), netns, ANYONE


Names = tuple[Name, ...]  # the newest first


def _with(names: Names, name: Name) -> tuple[Names, Name | None]:
    """Put a name before older ones; also return the one removed from more than KEPT.

    It is one between two similar ones, else the oldest.
    """
    kept = [name, *names]
    if len(kept) <= KEPT:
        return tuple(kept), None
    for i in range(KEPT - 1, 0, -1):
        newer, middle, older = kept[i - 1 : i + 2]
        if newer.text == middle.text == older.text:
            kept[i : i + 2] = [replace(older, renewed=True)]
            return tuple(kept), middle
    return tuple(kept[:-1]), kept[-1]


def _size(name: Name) -> int:
    """Return the approximate bytes of a name; several scopes may share it."""
    return getsizeof(name.text) + NAME_BYTES


def _size_of_scope(names: Names) -> int:
    return SCOPE_BYTES + sum(map(_size, names))


def _local_key(address: str, netns: int) -> str:
    return f"{address}%{netns}"


def _key(address: str, netns: int) -> str:
    """Return the key of an address: a local one includes its network namespace."""
    return _local_key(address, netns) if LOCAL.match(address) else address


class NameStore:
    """The newest names of each address, by who asked; the oldest are removed first.

    A name expires after ``ttl_s``.
    """

    def __init__(self, max_addresses: int, ttl_s: float) -> None:
        self._max_addresses = max_addresses
        self._max_bytes = max(max_addresses * BYTES_PER_ADDRESS, LEAST_BYTES)
        self._bytes = 0
        self.learned = 0  # addresses that had no names before
        self._ttl_ns = int(ttl_s * 1e9)
        self._known: OrderedDict[str, dict[Scope, Names]] = OrderedDict()

    def keep(self, addresses: Iterable[str], name: Name, asker: Asker) -> None:
        """Store a name of these addresses for all scopes of the asker.

        The name of an unspecified address is for the process alone.
        """
        own = (asker.process,) if asker.pid else ()
        scopes = (*own, *asker.places)
        for address in addresses:
            if address not in UNSPECIFIED_ADDRESSES:
                self._add(_key(address, asker.netns), name, scopes)
            elif own:
                self._add(address, name, own)
        while self._is_full and len(self._known) > 1:
            _, by_scope = self._known.popitem(last=False)
            self._bytes -= ADDRESS_BYTES + sum(map(_size_of_scope, by_scope.values()))

    @property
    def _is_full(self) -> bool:
        return len(self._known) > self._max_addresses or self._bytes > self._max_bytes

    def _add(self, key: str, name: Name, scopes: Iterable[Scope]) -> None:
        by_scope = self._known.get(key)
        if by_scope is None:
            by_scope = self._known[key] = {}
            self._bytes += ADDRESS_BYTES
            self.learned += 1
        self._known.move_to_end(key)
        for scope in scopes:
            names = by_scope.pop(scope, ())
            self._bytes += _size(name) + (0 if names else SCOPE_BYTES)
            by_scope[scope], gone = _with(names, name)
            if gone:
                self._bytes -= _size(gone)
        while len(by_scope) > SCOPES_PER_ADDRESS:
            self._bytes -= _size_of_scope(by_scope.pop(next(iter(by_scope))))

    def has(self, address: str, netns: int) -> bool:
        """Whether there are names that an address might have there."""
        return not self._known.keys().isdisjoint(
            (address, _key(address, netns), UNSPECIFIED.get(address, address))
        )

    def find(
        self, daddr: str, asker: Asker, now_ns: int, visited_ns: int
    ) -> tuple[str, Name] | None:
        """Return the scope and the name of an address at a time.

        ``visited_ns`` is when the process connected to this address before, or 0: the
        name of an unspecified address goes to the first connect to the loopback address
        after it.
        """
        by_scope = self._known.get(daddr)
        if by_scope is not None:
            return self._nearest(by_scope, asker, now_ns)
        if not LOCAL.match(daddr):
            return None
        by_scope = self._known.get(_local_key(daddr, asker.netns), {})
        found = self._nearest(by_scope, asker, now_ns)
        after_ns = visited_ns
        if found and found[0] == PROCESS:
            after_ns = max(after_ns, found[1].time_ns)
        unspecified = UNSPECIFIED.get(daddr, "")
        taken = self._take(unspecified, asker.process, after_ns, now_ns)
        return (PROCESS, taken) if taken else found

    def _nearest(
        self, by_scope: dict[Scope, Names], asker: Asker, now_ns: int
    ) -> tuple[str, Name] | None:
        if not by_scope:
            return None
        own = self._first_use(by_scope, asker.process, now_ns)
        if own:
            return PROCESS, own
        for scope in asker.places:
            name = self._at(by_scope.get(scope, ()), now_ns)
            if name:
                return str(scope[0]), replace(name, asked_ns=0)
        return None

    def _first_use(
        self, by_scope: dict[Scope, Names], process: Scope, now_ns: int
    ) -> Name | None:
        """Return a process's own name; only the first use has the wait for it.

        The next connection to the same address did not wait.
        """
        names = by_scope.get(process, ())
        name = self._at(names, now_ns)
        if name and name.asked_ns:
            used = replace(name, asked_ns=0)
            by_scope[process] = tuple(used if n is name else n for n in names)
        return name

    def _take(
        self, address: str, scope: Scope, after_ns: int, now_ns: int
    ) -> Name | None:
        """Return the newest name that came between two times, and remove it.

        (Two threads that connect at once may both be the first.)
        """
        by_scope = self._known.get(address, {})
        name = self._at(by_scope.get(scope, ()), now_ns)
        if name is None or name.time_ns <= after_ns:
            return None
        names = by_scope.pop(scope)
        self._bytes -= _size_of_scope(names)
        others = tuple(other for other in names if other is not name)
        if others:
            by_scope[scope] = others
            self._bytes += _size_of_scope(others)
        return name

    def _at(self, names: Names, now_ns: int) -> Name | None:
        """Return the newest name at a time, if it has not expired."""
        for name in names:
            if name.time_ns <= now_ns:
                fresh = name.renewed or now_ns - name.time_ns <= self._ttl_ns
                return name if fresh else None
        return None

    def of_flow(
        self, daddr: str, netnses: Iterable[int], now_ns: int
    ) -> tuple[str | None, bool]:
        """Return the newest name of an address in these network namespaces.

        Also returns whether the address has other names.
        """
        newest: Name | None = None
        texts: set[str] = set()
        for netns in netnses:
            by_scope = self._known.get(_key(daddr, netns), {})
            found = self._nearest(by_scope, Asker(0, 0, ROOT_CGROUP, netns), now_ns)
            if found and (newest is None or newest.time_ns < found[1].time_ns):
                newest = found[1]
            for names in by_scope.values():
                texts |= {name.text for name in names if self._at((name,), now_ns)}
        return newest.text if newest else None, len(texts) > 1
