"""Connections, decoded from what the kernel's programs wrote."""

from __future__ import annotations

import errno
from _socket import AF_INET, AF_INET6, inet_ntop  # socket takes 4 ms to import
from typing import TYPE_CHECKING, Any

from tcpconnect.connection import LOOKUP, Connection
from tcpconnect.kernel.records import ABORTED, ATTEMPT, OK, PENDING, UNKNOWN
from tcpconnect.machine.clock import epoch_ns
from tcpconnect.memo import Memo
from tcpconnect.output import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tcpconnect.enrich.lookup import Failed

_NO_ERRNO = {OK: "OK", ABORTED: "ABORTED", PENDING: "PENDING", UNKNOWN: None}


def _result(code: int) -> str | None:
    """Return the name of a result."""
    if code in _NO_ERRNO:
        return _NO_ERRNO[code]
    return errno.errorcode.get(code, f"errno {code}")


MAX_TEXTS = 65536
_MAPPED = bytes(10) + b"\xff\xff"


def address(raw: bytes) -> str:
    """Return the text of 16 bytes; an IPv4-mapped address is shown as IPv4."""
    if raw.startswith(_MAPPED):
        return inet_ntop(AF_INET, raw[12:])
    return inet_ntop(AF_INET6, raw)


ANY = (address(_MAPPED + bytes(4)), address(bytes(16)))  # none was chosen
_results = Memo(_result, MAX_TEXTS)
addresses, _comms = Memo(address, MAX_TEXTS), Memo(printable, MAX_TEXTS)


def decode_failed(failed: list[Failed], first_ns: int) -> list[Connection]:
    """Decode lookups that failed."""
    records = [ATTEMPT.unpack_from(each.record) for each in failed]
    connections = decode(records, first_ns)
    for connection, each in zip(connections, failed, strict=True):
        connection.event = LOOKUP
        connection.ip = connection.saddr = connection.daddr = connection.dport = None
        connection.result = each.result
        connection.dns_ms = each.waited_ms
        connection.query = each.name
        connection.query_source = each.source
        connection.query_scope = "process"
    return connections


def decode(records: Iterable[tuple[Any, ...]], first_ns: int) -> list[Connection]:
    """Decode tuples of the members of ATTEMPT.

    ``first_ns`` is when the first attempt began; its event may come later than others.
    The time of day is worked out anew for each batch, so that it follows when the clock
    of the machine is set.
    """
    epoch = epoch_ns()
    return [
        Connection(
            (time_ns - first_ns) / 1e9 if time_ns > first_ns else 0.0,
            time_ns + epoch,
            uid,
            pid or None,
            tid or None,
            _comms[comm] if pid else None,
            ip,
            addresses[saddr],
            lport or None,
            addresses[daddr],
            dport,
            netns,
            cgroup,
            time_ns,
            None if result == UNKNOWN else latency_ns // 1000 / 1000,
            _results[result],
        )
        for (
            time_ns,
            latency_ns,
            cgroup,
            saddr,
            daddr,
            pid,
            tid,
            uid,
            netns,
            lport,
            dport,
            result,
            ip,
            comm,
        ) in records
    ]
