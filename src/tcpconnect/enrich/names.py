"""Names of destinations, from DNS answers and lookups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcpconnect.arguments import MAX_NAMES, NAMES_TTL_S
from tcpconnect.decode import Added, address, addresses
from tcpconnect.enrich import dns
from tcpconnect.enrich.allowance import LateWork
from tcpconnect.enrich.namestore import Asker, Name, NameStore
from tcpconnect.enrich.spelling import is_address, spelled
from tcpconnect.enrich.streams import Streams
from tcpconnect.enrich.wire import MalformedError
from tcpconnect.kernel.records import (
    KINDS,
    LARGE_ANSWER,
    LOOKUP,
    LOOKUP_ADDRESSES,
    SMALL_ANSWER,
    STARTED,
    Members,
)
from tcpconnect.memo import Memo
from tcpconnect.query import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tcpconnect.bpf.ring import Run
    from tcpconnect.enrich.failures import Failures
    from tcpconnect.flow import Flow

MAX_NAMELESS = 4096  # destinations that are known to have no name
NO_ADDRESS = b"\xff" * 16  # neither IPv4 nor IPv6
# What there is of a destination's name.
_VALUES = {
    name: f"named[{i}]"
    for i, name in enumerate(
        ("query", "query_source", "query_scope", "query_age_ms", "dns_ms")
    )
}
Named = tuple[str | None, str | None, str | None, float | None, float | None]
_NEEDED = Members(
    "time_ns cgroup daddr pid start_ns netns_key visited_ns asked asked_ip".split()
)


class Names:
    """The names of addresses, learned from records and added to connections.

    At most ``max_addresses`` are stored, each for ``ttl_s``. ``now_ns`` returns the
    time by the kernel's clock: with it, late records may be ``skipped``. ``failures``
    learns what was found, and what was not.
    """

    kinds = (SMALL_ANSWER, LARGE_ANSWER, LOOKUP, STARTED)

    def __init__(
        self,
        max_addresses: int = MAX_NAMES,
        ttl_s: float = NAMES_TTL_S,
        now_ns: Callable[[], int] = int,
        failures: Failures | None = None,
    ) -> None:
        self.added = Added(_VALUES, name="named", find=self.find)
        self._failures = failures
        self._store = NameStore(max_addresses, ttl_s)
        self._nameless = Memo(self._without, MAX_NAMELESS)
        self._learned = 0  # how much of it that knows
        self._streams = Streams()
        self._late = LateWork(now_ns)
        self._unread = 0
        self.started: list[int] = []  # processes whose C library may be new

    @property
    def skipped(self) -> int:
        """How many records were late, and not read."""
        return self._late.skipped

    @property
    def unread(self) -> int:
        """How many answers were malformed or truncated."""
        return self._unread + self._streams.cut

    def learn(self, run: Run) -> None:
        """Learn from a run of records that are not connections."""
        kind = KINDS[run.length]
        if kind is STARTED:
            self.started += [pid for _, pid in kind.unpack(run)]
        elif kind is LOOKUP:
            self._learn_each(kind.unpack(run), self._learn_lookup)
        else:
            self._learn_each(kind.unpack(run), self._learn_answer)

    def _learn_each(
        self, records: Iterable[tuple[Any, ...]], learn: Callable[..., None]
    ) -> None:
        """Learn from records, as far as there is time for late ones."""
        for record in records:
            self._late.do(record[0], learn, *record)

    def _learn_answer(
        self,
        time_ns: int,
        asked_ns: int,
        cgroup: int,
        stream: int,
        start_ns: int,
        netns: int,
        pid: int,
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
        asker = Asker(pid, start_ns, cgroup, netns)
        for message, asked in messages:
            try:
                answer = dns.parse(message)
            except MalformedError:
                self._unread += 1
            else:
                if self._failures:
                    self._failures.answered((pid, start_ns), message, answer, time_ns)
                found = {answer.name: answer.addresses, **answer.targets}
                for text, addresses in found.items():
                    name = Name(text.lower(), "dns", time_ns, asked)
                    self._keep(addresses, name, asker)

    def _learn_lookup(
        self,
        time_ns: int,
        asked_ns: int,
        cgroup: int,
        start_ns: int,
        netns: int,
        pid: int,
        count: int,
        cut: int,
        raw_name: bytes,
        raw_addresses: bytes,
    ) -> None:
        text = spelled(raw_name)
        if is_address(text):
            return
        ends = range(16, 16 * min(count, LOOKUP_ADDRESSES) + 1, 16)
        found = dict.fromkeys(raw_addresses[end - 16 : end] for end in ends)
        found.pop(NO_ADDRESS, None)
        self._unread += cut
        if self._failures and found:
            self._failures.found((pid, start_ns), text, time_ns)
        name = Name(text, "libc", time_ns, asked_ns)
        self._keep(found, name, Asker(pid, start_ns, cgroup, netns))

    def _keep(self, addresses: Iterable[bytes], name: Name, asker: Asker) -> None:
        self._store.keep(map(address, addresses), name, asker)

    def find(self, run: Run) -> list[Named]:
        """Return the names of attempts' destinations, and where they came from."""
        if self._learned != self._store.learned:
            self._learned = self._store.learned
            self._nameless.clear()
        nameless, find = self._nameless, self._find
        return [
            nameless[daddr, netns, asked]
            or find(time, cgroup, daddr, pid, start, netns, visited, asked, asked_ip)
            for time, cgroup, daddr, pid, start, netns, visited, asked, asked_ip in (
                _NEEDED.of(run)
            )
        ]

    def _without(self, to: tuple[bytes, int, bytes]) -> Named | None:
        """Return what is shown of a destination that nobody has named; else None."""
        daddr, netns, asked = to
        if any(self._store.has(addresses[each], netns) for each in (daddr, asked)):
            return None
        return LOOPBACK.get(addresses[daddr]), None, None, None, None

    def _find(
        self,
        began: int,
        cgroup: int,
        raw_daddr: bytes,
        pid: int,
        start_ns: int,
        netns: int,
        visited_ns: int,
        raw_asked: bytes,
        asked_ip: int,
    ) -> Named:
        """Return the name of a destination.

        ``start_ns`` is when its process began; ``netns`` identifies its network
        namespace, as in other records; ``visited_ns`` is when the process connected to
        this loopback address before, 0 for never or elsewhere.
        """
        daddr = addresses[raw_daddr]
        asker = Asker(pid, start_ns, cgroup, netns)
        find, found = self._store.find, None
        if asked_ip:  # what an unspecified address became need not be guessed
            visited_ns = began
            found = find(addresses[raw_asked], asker, began, visited_ns)
        if found is None and not (asked_ip and raw_asked == raw_daddr):
            found = find(daddr, asker, began, visited_ns)
        if found is None:
            return LOOPBACK.get(daddr), None, None, None, None
        scope, name = found
        if name.renewed:
            return name.text, name.source, scope, None, None
        age_ms = (began - name.time_ns) // 1000 / 1000
        waited_ms = None
        if name.asked_ns:
            waited_ms = (name.time_ns - name.asked_ns) // 1000 / 1000
        return name.text, name.source, scope, age_ms, waited_ms

    def add_to_flows(self, flows: Iterable[Flow], now_ns: int) -> None:
        """Set the newest names of flows' destinations, and whether there are others."""
        known: dict[tuple[str, tuple[int, ...]], tuple[str | None, bool]] = {}
        for flow in flows:
            if flow.daddr is None:
                continue
            to = flow.daddr, flow.netnses
            if to not in known:
                known[to] = self._store.of_flow(*to, now_ns)
            query, flow.names_differ = known[to]
            flow.query = query or LOOPBACK.get(flow.daddr)
