"""Connections, decoded from what the kernel's programs wrote."""

from __future__ import annotations

import errno
from _socket import AF_INET, AF_INET6, inet_ntop  # socket takes 4 ms to import
from typing import TYPE_CHECKING, Any

from tcpconnect.clock import epoch_ns
from tcpconnect.connection import Connection
from tcpconnect.kernel.records import ABORTED, OK, PENDING, UNKNOWN
from tcpconnect.output import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class _Results(dict[int, str | None]):
    """Names of results, and of every errno on demand."""

    def __missing__(self, code: int) -> str:
        name = self[code] = errno.errorcode.get(code, f"errno {code}")
        return name


RESULTS = _Results({OK: "OK", ABORTED: "ABORTED", PENDING: "PENDING", UNKNOWN: None})

MAX_TEXTS = 65536
_MAPPED = bytes(10) + b"\xff\xff"


def address(raw: bytes) -> str:
    """Return the text of 16 bytes; an IPv4-mapped address is shown as IPv4."""
    if raw.startswith(_MAPPED):
        return inet_ntop(AF_INET, raw[12:])
    return inet_ntop(AF_INET6, raw)


class _Texts(dict[bytes, str]):
    """What a function makes of bytes, kept for the next time.

    A look-up costs a third of one in functools.lru_cache, and there are three an event.
    """

    def __init__(self, make: Callable[[bytes], str]) -> None:
        self._make = make

    def __missing__(self, raw: bytes) -> str:
        if len(self) >= MAX_TEXTS:
            self.clear()
        text = self[raw] = self._make(raw)
        return text


_addresses, _comms = _Texts(address), _Texts(printable)


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
            _addresses[saddr],
            lport or None,
            _addresses[daddr],
            dport,
            netns,
            cgroup,
            time_ns,
            None if result == UNKNOWN else latency_ns // 1000 / 1000,
            RESULTS[result],
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
