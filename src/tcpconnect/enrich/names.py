"""By what name: DNS answers and lookups kept, and matched to connections."""

from __future__ import annotations

import socket
from collections import OrderedDict
from struct import Struct as Layout
from struct import iter_unpack
from typing import TYPE_CHECKING, NamedTuple

from tcpconnect.connection import address, printable
from tcpconnect.enrich import dns
from tcpconnect.enrich.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tcpconnect.bpf.ring import Run
    from tcpconnect.connection import Connection

# Structs of bpf/types.h.
ANSWER = Layout("<QQQQQIIIIIB3x")
SMALL_ANSWER = Layout(f"{ANSWER.format}512s")
LARGE_ANSWER = Layout(f"{ANSWER.format}4352s")
LOOKUP_ADDRESSES = 192
LOOKUP = Layout(f"<QQQQIIII256s{16 * LOOKUP_ADDRESSES}s")
STARTED = Layout("<QIxxxx")
LENGTHS = frozenset({SMALL_ANSWER.size, LARGE_ANSWER.size, LOOKUP.size, STARTED.size})

UNSPECIFIED = bytes(16)
LOOPBACK = {"127.0.0.1": "localhost", "::1": "localhost"}

MAX_ADDRESSES = 10_240
TTL_S = 24 * 3600.0
KEPT = 4  # names of each scope: an attempt may have begun before the newest came

# Who saw a name: a process (its PID and start), a cgroup in a network namespace, that
# cgroup elsewhere, that network namespace (each with its number), or anyone. Where
# cgroups are those of v1, all processes are in one of v2: there the namespace tells
# containers apart.
Scope = tuple[str | int, ...]
ANYONE: Scope = ("any",)
SCOPES_PER_ADDRESS = 2048
SCOPES = 16  # for each address, on average


class Name(NamedTuple):
    """A name of an address: where it came from, and when (CLOCK_MONOTONIC)."""

    text: str
    source: str
    time_ns: int
    asked_ns: int  # 0: not known
    renewed: bool = False  # it came again after this, when exactly is not kept


def _with(names: list[Name], name: Name) -> list[Name]:
    """Put a name before older ones; of KEPT, one between two like it goes first."""
    names = [name, *names]
    if len(names) > KEPT:
        for i in range(KEPT - 1, 0, -1):
            newer, middle, older = names[i - 1 : i + 2]
            if newer.text == middle.text == older.text:
                names[i : i + 2] = [older._replace(renewed=True)]
                break
        else:
            names.pop()
    return names


def _at(names: list[Name], now_ns: int) -> Name | None:
    """Return the newest name that had come at a time."""
    return next((name for name in names if name.time_ns <= now_ns), None)


class Names:
    """The newest names of each address, by who saw them; the oldest addresses go first.

    Memory is bounded by ``max_addresses``; a name is forgotten after ``ttl_s``.
    """

    def __init__(
        self, max_addresses: int = MAX_ADDRESSES, ttl_s: float = TTL_S
    ) -> None:
        self._max = max_addresses
        self._max_scopes = max(SCOPES * max_addresses, SCOPES_PER_ADDRESS)
        self._scopes = 0
        self._ttl_ns = int(ttl_s * 1e9)
        self._known: OrderedDict[str, dict[Scope, list[Name]]] = OrderedDict()
        self._streams = Streams()
        self._unread = 0
        self.started: list[int] = []  # processes whose C library may be new

    @property
    def unread(self) -> int:
        """How many answers were malformed or cut."""
        return self._unread + self._streams.cut

    def learn(self, run: Run) -> None:
        """Take in a run of records that are not connections."""
        if run.length == LOOKUP.size:
            for record in iter_unpack(f"<8x{LOOKUP.format[1:]}", run.framed):
                self._learn_lookup(*record)
        elif run.length == STARTED.size:
            for _, pid in iter_unpack(f"<8x{STARTED.format[1:]}", run.framed):
                self.started.append(pid)
        else:
            layout = SMALL_ANSWER if run.length == SMALL_ANSWER.size else LARGE_ANSWER
            for record in iter_unpack(f"<8x{layout.format[1:]}", run.framed):
                self._learn_answer(*record)

    def _learn_answer(
        self,
        time_ns: int,
        asked_ns: int,
        cgroup: int,
        stream: int,
        start_ns: int,
        pid: int,
        netns: int,
        seq: int,
        next_seq: int,
        length: int,
        tcp: int,
        data: bytes,
    ) -> None:
        data = data[:length]
        messages = [(data, asked_ns)]
        if tcp:
            messages = self._streams.add(stream, seq, next_seq, data, length, asked_ns)
        scopes = _scopes(cgroup, netns)
        if pid:
            scopes = (("process", pid, start_ns), *scopes)
        for message, asked in messages:
            try:
                answer = dns.parse(message)
            except dns.MalformedError:
                self._unread += 1
            else:
                name = Name(answer.name, "dns", time_ns, asked)
                self._keep(answer.addresses, name, scopes)

    def _learn_lookup(
        self,
        time_ns: int,
        asked_ns: int,
        cgroup: int,
        start_ns: int,
        pid: int,
        netns: int,
        count: int,
        cut: int,
        raw_name: bytes,
        raw_addresses: bytes,
    ) -> None:
        text = printable(raw_name)
        if _is_address(text):
            return
        ends = range(16, 16 * min(count, LOOKUP_ADDRESSES) + 1, 16)
        found = dict.fromkeys(raw_addresses[end - 16 : end] for end in ends)
        found.pop(UNSPECIFIED, None)
        self._unread += cut
        scopes = (("process", pid, start_ns), *_scopes(cgroup, netns))
        self._keep(found, Name(text, "libc", time_ns, asked_ns), scopes)

    def _keep(
        self, addresses: Iterable[bytes], name: Name, scopes: Iterable[Scope]
    ) -> None:
        for raw in addresses:
            key = address(raw)
            by_scope = self._known.pop(key, {})
            self._known[key] = by_scope
            self._scopes -= len(by_scope)
            for scope in scopes:
                by_scope[scope] = _with(by_scope.pop(scope, []), name)
            while len(by_scope) > SCOPES_PER_ADDRESS:
                del by_scope[next(iter(by_scope))]
            self._scopes += len(by_scope)
        while len(self._known) > self._max or self._scopes > self._max_scopes:
            self._scopes -= len(self._known.popitem(last=False)[1])

    def find(self, daddr: str, scopes: Iterable[Scope], now_ns: int) -> Name | None:
        """Return the newest name that ``daddr`` had at a time, by the first scope."""
        by_scope = self._known.get(daddr)
        if by_scope:
            for scope in scopes:
                name = _at(by_scope.get(scope, []), now_ns)
                if name and (name.renewed or now_ns - name.time_ns <= self._ttl_ns):
                    return name
        return None

    def add_to(self, connection: Connection, start_ns: int) -> None:
        """Set what is known of the name of a connection's destination.

        ``start_ns`` is when its process began.
        """
        began = connection.monotonic_ns
        scopes = (
            ("process", connection.pid, start_ns),
            *_scopes(connection.cgroup_id, connection.netns),
        )
        name = self.find(connection.daddr, scopes, began)
        if name is None:
            connection.query = LOOPBACK.get(connection.daddr)
            return
        connection.query = name.text
        connection.query_source = name.source
        if name.renewed:
            return
        connection.query_age_ms = (began - name.time_ns) // 1000 / 1000
        if name.asked_ns:
            connection.dns_ms = (name.time_ns - name.asked_ns) // 1000 / 1000


def _scopes(cgroup: int, netns: int) -> tuple[Scope, ...]:
    """Return who else has what a process sees, the nearest first."""
    return ("cgroup", cgroup, netns), ("cgroup", cgroup), ("netns", netns), ANYONE


def _is_address(text: str) -> bool:
    """Whether getaddrinfo takes this for an address: inet_aton(3), or IPv6."""
    if ":" in text:
        return True
    try:
        socket.inet_aton(text)
    except OSError:
        return False
    return True
