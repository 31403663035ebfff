"""What the semantic conventions of OpenTelemetry call our results."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from tcpconnect import lookup_words
from tcpconnect.results import ABORTED, OK, PENDING

if TYPE_CHECKING:
    from collections.abc import Iterator

NONE, OTHER = "no `error.type`", "_OTHER"
# Values of error.type in the conventions for .NET, the only ones that have words for
# connect() ("Socket connect", "DNS lookup").
CONNECT = {
    "access_denied": "EACCES EPERM",
    "address_already_in_use": "EADDRINUSE",
    "address_family_not_supported": "EAFNOSUPPORT",
    "address_not_available": "EADDRNOTAVAIL",
    "already_in_progress": "EALREADY",
    "connection_refused": "ECONNREFUSED",
    "fault": "EFAULT",
    "host_unreachable": "EHOSTUNREACH",
    "in_progress": "EINPROGRESS",
    "interrupted": "EINTR",
    "invalid_argument": "EINVAL",
    "is_connected": "EISCONN",
    "network_down": "ENETDOWN",
    "network_unreachable": "ENETUNREACH",
    "no_buffer_space_available": "ENOBUFS",
    "protocol_type": "EPROTOTYPE",
    "timed_out": "ETIMEDOUT",
}
LOOKUP = {
    "address_family_not_supported": "EAI_FAMILY EAI_ADDRFAMILY",
    "host_not_found": "NXDOMAIN NODATA EAI_NONAME EAI_NODATA",
    "no_recovery": "FORMERR NOTIMP REFUSED EAI_FAIL",
    "try_again": "SERVFAIL DNS_TIMEOUT EAI_AGAIN",
}
ANY_ERRNO = "any other errno"


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield a word, our results of connects, and of lookups: each result in one row."""
    errnos, lookups = set(errno.errorcode.values()), set(lookup_words.EVERY)
    for word in sorted({*CONNECT, *LOOKUP}):
        found = CONNECT.get(word, "").split(), LOOKUP.get(word, "").split()
        errnos.difference_update(found[0])
        lookups.difference_update(found[1])
        yield f"`{word}`", _quoted(found[0]), _quoted(found[1])
    yield NONE, _quoted([OK, PENDING]), ""
    others = f"{_quoted([ABORTED])}, {ANY_ERRNO}" if errnos else _quoted([ABORTED])
    yield f"`{OTHER}`", others, _quoted(sorted(lookups))


def _quoted(found: list[str]) -> str:
    return ", ".join(f"`{word}`" for word in found)
