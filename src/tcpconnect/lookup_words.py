"""The words for lookups that fail; none of them comes from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

TIMEOUT = "DNS_TIMEOUT"
NODATA, NXDOMAIN = "NODATA", "NXDOMAIN"

# The last four bits of a DNS answer's flags (RFC 6895, 2.3).
_RCODES = (
    *(NODATA, "FORMERR", "SERVFAIL", NXDOMAIN, "NOTIMP", "REFUSED"),
    *("YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE", "DSOTYPENI"),
    *("RCODE_12", "RCODE_13", "RCODE_14", "RCODE_15"),
)

# What getaddrinfo() returns: netdb.h of glibc and musl.
_CODES = {
    -1: "EAI_BADFLAGS",
    -2: "EAI_NONAME",
    -3: "EAI_AGAIN",
    -4: "EAI_FAIL",
    -5: "EAI_NODATA",
    -6: "EAI_FAMILY",
    -7: "EAI_SOCKTYPE",
    -8: "EAI_SERVICE",
    -9: "EAI_ADDRFAMILY",
    -10: "EAI_MEMORY",
    -11: "EAI_SYSTEM",
    -12: "EAI_OVERFLOW",
    -100: "EAI_INPROGRESS",
    -101: "EAI_CANCELED",
    -104: "EAI_INTR",
    -105: "EAI_IDN_ENCODE",
}

EVERY = frozenset({TIMEOUT, *_RCODES, *_CODES.values()})

# The name exists; it may have an address of the other IP version.
EMPTY = frozenset({NODATA, "EAI_NODATA", "EAI_ADDRFAMILY"})


def of_answer(flags: int) -> str:
    """Return the word of a DNS answer without addresses, by its flags."""
    return _RCODES[flags & 0xF]


def of_code(code: int) -> str:
    """Return the word of what getaddrinfo() returned; EAI_FAIL for what is none."""
    return _CODES.get(code, "EAI_FAIL")


def worst(answers: Iterable[str | None]) -> str:
    """Return the word of the answers for one name: the first of these three.

    The failure of a server; that the name does not exist; that it has no address. It is
    empty without any answer.
    """
    given = [answer for answer in answers if answer]
    failures = [word for word in given if word not in {NODATA, NXDOMAIN}]
    if failures:
        return failures[0]
    return NXDOMAIN if NXDOMAIN in given else NODATA if given else ""
