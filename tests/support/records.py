"""Records of names as on the ring, and attempts that are to be named."""

from __future__ import annotations

from socket import AF_INET6, inet_pton
from typing import TYPE_CHECKING

import dns.message
import dns.rrset

from tcpconnect.bpf.ring import ALIGNMENT, HEADER_BYTES, Run
from tcpconnect.kernel.records import (
    ATTEMPT,
    CALL,
    DNS_QUESTION,
    FAILED_LOOKUP,
    LARGE_ANSWER,
    LOOKUP,
    ORIGIN,
    SMALL_ANSWER,
    SMALL_ANSWER_BYTES,
)
from tests.support.decoding import attempt, decoded, run_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tcpconnect.connection import Connection
    from tcpconnect.enrich.names import Names

MS = 1_000_000
IPV4, IPV6 = "10.1.2.3", "fd00::1"
CGROUP, NETNS, PID, START_NS = 5, 4026531840, 1469, 77


def raw(address: str) -> bytes:
    """Return the 16 bytes of an address in a record."""
    return inet_pton(AF_INET6, address if ":" in address else f"::ffff:{address}")


def message(name: str, *addresses: str) -> bytes:
    """Return a DNS answer."""
    kind = "AAAA" if ":" in addresses[0] else "A"
    query = dns.message.make_query(name, kind)
    response = dns.message.make_response(query)
    owner = f"{name}."
    response.answer.append(dns.rrset.from_text(owner, 60, "IN", kind, *addresses))
    return response.to_wire()


def run(length: int, records: Iterable[bytes]) -> Run:
    """Return records as the reader of the ring yields them."""
    gap = bytes(-length % ALIGNMENT)
    return Run(length, b"".join(bytes(HEADER_BYTES) + r + gap for r in records))


def answers(
    *messages: bytes,
    time_ns: int = 0,
    asked_ns: int = 0,
    cgroup: int = CGROUP,
    netns: int = NETNS,
    pid: int = 0,
    start_ns: int = 0,
) -> Run:
    """Return the records of answers over UDP."""
    small = max(map(len, messages)) <= SMALL_ANSWER_BYTES
    kind = SMALL_ANSWER if small else LARGE_ANSWER
    where = (cgroup, 7, start_ns, netns, pid, 0, 0)
    records = [
        kind.layout.pack(time_ns, asked_ns, *where, len(data), 0, data)
        for data in messages
    ]
    return run(kind.length, records)


def lookup(
    name: bytes | str,
    *addresses: str,
    time_ns: int = 0,
    asked_ns: int = 0,
    pid: int = PID,
    start_ns: int = START_NS,
    cgroup: int = CGROUP,
    netns: int = NETNS,
    cut: int = 0,
) -> Run:
    """Return the record of a call of getaddrinfo."""
    found = b"".join(map(raw, addresses))
    text = name if isinstance(name, bytes) else name.encode()
    who = (cgroup, start_ns, netns, pid)
    head = (time_ns, asked_ns, *who, len(addresses), cut, text)
    return run(LOOKUP.length, [LOOKUP.layout.pack(*head, found)])


def asker(
    time_ns: int, waited_ns: int = 0, *, pid: int, start_ns: int, comm: bytes = b"dig"
) -> bytes:
    """Return the struct connection of a process that looks up a name."""
    who = (pid, pid, 0, 0, 0, 0, 0xFFFF, 0, comm)
    return (
        ATTEMPT.pack(time_ns, waited_ns, 0, b"", b"", *who)
        + ORIGIN.pack(0, start_ns, 0, 0, 0, 0)
        + CALL.pack(b"", 0, 0, 0)
    )


def question(
    who: bytes, sent: bytes, call: bytes = b"", length: int | None = None
) -> bytes:
    """Return the record of a DNS question, by default of the length that it has."""
    size = len(sent) if length is None else length
    name, message = call[:256].ljust(256, b"\0"), sent[:272].ljust(272, b"\0")
    return who + size.to_bytes(8, "little") + name + message


def questions(*records: bytes) -> Run:
    """Return a run of them."""
    return run(DNS_QUESTION.length, records)


def failure(who: bytes, code: int, name: bytes) -> Run:
    """Return the record of a getaddrinfo() that fails."""
    record = who + code.to_bytes(8, "little", signed=True) + name.ljust(256, b"\0")
    return run(FAILED_LOOKUP.length, [record])


def named(
    names: Names,
    address: str = IPV4,
    /,
    *,
    start_ns: int = START_NS,
    netns: int = NETNS,
    visited_ns: int = 0,
    cgroup_id: int = CGROUP,
    pid: int = PID,
    monotonic_ns: int = 0,
) -> Connection:
    """Return an attempt to reach an address, with what is known of its name."""
    record = attempt(
        time_ns=monotonic_ns,
        daddr=raw(address),
        cgroup=cgroup_id,
        pid=pid,
        start_ns=start_ns,
        netns_key=netns,
        visited_ns=visited_ns,
    )
    (event,) = decoded(run_of(record), names)
    return event


def query(names: Names, address: str = IPV4, /, **changes: int) -> str | None:
    """Return the name of an attempt."""
    return named(names, address, **{"monotonic_ns": MS, **changes}).query
