"""Why an attempt failed: the evidence, and the word for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

LOOKUP, POLICY, DENIED = "lookup", "policy", "denied"
NO_ROUTE, BAD_ADDRESS, NO_PORT = "no route", "bad address", "no port"
RST, ICMP, LOCAL_FIREWALL = "RST", "ICMP", "local firewall"
DROPPED, NO_ANSWER, CLOSED = "dropped", "no answer", "closed"

# Who refused an attempt before it was SYN_SENT.
BY_NOBODY, BY_CGROUP, BY_LSM, BY_KERNEL = range(4)
# The reason of all that netfilter drops.
NETFILTER_DROP = "NETFILTER_DROP"
# What icmp_err_convert of net/ipv4/icmp.c and icmpv6_err_convert() make of ICMP errors.
ICMP_ERRNOS = frozenset(
    "ECONNREFUSED EHOSTUNREACH ENETUNREACH EHOSTDOWN ENONET ENOPROTOOPT EOPNOTSUPP "
    "EACCES EPROTO EMSGSIZE".split()
)
NO_FAILURES = frozenset({"OK", "PENDING", None})


class Evidence(msgspec.Struct, frozen=True):
    """What is known of an attempt that has ended.

    ``result`` is as shown, ``refused_by`` as above. ``answered``: a packet came from
    the other end; ``icmp``: an ICMP error; ``drop``: why this machine has dropped the
    last packet of it that it did, a name of enum skb_drop_reason, else "".
    """

    result: str | None
    daddr: str = ""
    refused_by: int = BY_NOBODY
    answered: bool = False
    icmp: bool = False
    drop: str = ""


def _is_bad(address: str) -> bool:
    """Whether no TCP connection goes to an address: multicast, or without its scope."""
    if ":" not in address:
        return 224 <= int(address.partition(".")[0]) < 240 or address == BROADCAST
    first = int(address.partition(":")[0] or "0", 16)
    return first >> 8 == 0xFF or first >> 6 == 0xFE80 >> 6


BROADCAST = "255.255.255.255"
NO_ROUTES = frozenset({"ENETUNREACH", "EHOSTUNREACH", "EACCES", "EINVAL"})

# The words in their order: the first whose condition holds is it.
WORDS: tuple[tuple[str, Callable[[Evidence], bool]], ...] = (
    (POLICY, lambda e: e.refused_by == BY_CGROUP),
    (DENIED, lambda e: e.refused_by == BY_LSM),
    (NO_PORT, lambda e: e.result == "EADDRNOTAVAIL"),
    (
        NO_ROUTE,
        lambda e: (
            e.refused_by == BY_KERNEL and e.result in NO_ROUTES and not _is_bad(e.daddr)
        ),
    ),
    (BAD_ADDRESS, lambda e: e.refused_by == BY_KERNEL),
    (RST, lambda e: e.answered and e.result == "ECONNREFUSED"),
    (ICMP, lambda e: e.icmp or e.result in ICMP_ERRNOS),
    (LOCAL_FIREWALL, lambda e: e.drop == NETFILTER_DROP),
    (DROPPED, lambda e: bool(e.drop)),
    (NO_ANSWER, lambda e: e.result == "ETIMEDOUT"),
    (CLOSED, lambda _: True),
)


def why(evidence: Evidence) -> str | None:
    """Return the word, None for what has not failed."""
    if evidence.result in NO_FAILURES:
        return None
    word = next(word for word, fits in WORDS if fits(evidence))
    return f"{DROPPED}: {evidence.drop}" if word == DROPPED else word
