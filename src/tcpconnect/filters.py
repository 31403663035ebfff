"""The values of filter options, from text to sets of numbers."""

from __future__ import annotations

import os
from argparse import ArgumentTypeError
from typing import TYPE_CHECKING

from tcpconnect.errors import did_you_mean
from tcpconnect.settings import (
    MAX_COMM,
    MAX_INODE,
    MAX_PID,
    MAX_PORT,
    MAX_UID,
    NAME_SOURCES,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from ipaddress import IPv4Network, IPv6Network

NETNS_NAMES = "/run/netns"
OWN_NETNS = "/proc/self/ns/net"

MAX_DIGITS = 30
MAPPED_LENGTH = 96  # of ::ffff:0:0/96, where IPv4 lies in IPv6


def pids(text: str) -> frozenset[int]:
    """Parse ``1,2,3``. Raises ArgumentTypeError, as do the others."""
    words = _words(text, "PID")
    return frozenset(whole_number(word, "PID", 1, MAX_PID) for word in words)


def uids(text: str) -> frozenset[int]:
    """Parse ``1000,alice``: numbers and names of users."""
    return frozenset(_uid(word) for word in _words(text, "user"))


def ports(text: str) -> frozenset[int]:
    """Parse ``80,443,8000-8100``."""
    ranges: set[tuple[int, int]] = set()
    for word in _words(text, "port"):
        low, dash, high = word.partition("-")
        first = whole_number(low, "port", 0, MAX_PORT)
        last = whole_number(high, "port", 0, MAX_PORT) if dash else first
        if last < first:
            raise ArgumentTypeError(f"{word}: the range ends before it begins")
        ranges.add((first, last))
    found: set[int] = set()
    after = 0  # those that are in already
    for first, last in sorted(ranges):
        found.update(range(max(first, after), last + 1))
        after = max(after, last + 1)
    return frozenset(found)


def comms(text: str) -> frozenset[str]:
    """Parse ``curl,wget``."""
    words = names(text)
    for word in words:
        name = os.fsencode(word)
        if len(name) > MAX_COMM:
            kept = os.fsdecode(name[:MAX_COMM])
            raise ArgumentTypeError(f"{word!r}: the kernel keeps {kept!r} of it only")
    return words


def netns(text: str) -> frozenset[int | str]:
    """Parse ``blue,1234,4026531840``: names of ip-netns(8), PIDs, inode numbers.

    Names and PIDs become the paths of their namespaces.
    """
    return frozenset(_netns(word) for word in _words(text, "network namespace"))


def networks(text: str) -> frozenset[IPv4Network | IPv6Network]:
    """Parse ``10.0.0.0/8,fd00::1``."""
    return frozenset(network(word) for word in _words(text, "network"))


def names(text: str) -> frozenset[str]:
    """Parse ``web,db``."""
    return frozenset(_words(text, "name"))


def whole(text: str) -> frozenset[str]:
    """Take the text for one value."""
    return frozenset({text})


def name_sources(text: str) -> frozenset[str]:
    """Parse ``dns,libc``."""
    words = frozenset(_words(text, "source"))
    for word in words - NAME_SOURCES:
        known = " and ".join(sorted(NAME_SOURCES))
        raise ArgumentTypeError(f"{word!r} is no source of names: there are {known}")
    return words


def _words(text: str, what: str) -> Iterator[str]:
    for word in text.split(","):
        if not word.strip():
            raise ArgumentTypeError(f"{text!r}: a {what} is missing in the list")
        yield word.strip()


def whole_number(word: str, what: str, low: int, high: int) -> int:
    """Parse decimal digits; ``what`` they are is for the error."""
    # str.isdigit alone takes digits of every script; int() refuses thousands of them.
    plain = word.isascii() and word.isdigit() and len(word) <= MAX_DIGITS
    if not (plain and low <= int(word) <= high):
        raise ArgumentTypeError(f"{word!r} is no {what} (a number, {low} to {high})")
    return int(word)


def _uid(word: str) -> int:
    if word.isascii() and word.isdigit():
        return whole_number(word, "UID", 0, MAX_UID)
    import pwd

    try:
        return pwd.getpwnam(word).pw_uid
    except KeyError:
        near = _near(word, (user.pw_name for user in pwd.getpwall()))
        raise ArgumentTypeError(f"no user {word!r} on this machine{near}") from None


def _near(word: str, known: Iterable[str]) -> str:
    hint = did_you_mean(word, known)
    return f" ({hint})" if hint else ""


def _netns(word: str) -> int | str:
    """Return path or inode. A name comes before a PID, a PID is below any inode."""
    named = f"{NETNS_NAMES}/{word}"
    if "/" not in word and os.path.exists(named):
        if os.stat(named).st_dev != os.stat(OWN_NETNS).st_dev:
            raise ArgumentTypeError(f"{named} is left of a namespace that is gone")
        return named
    if not (word.isascii() and word.isdigit()):
        known = os.listdir(NETNS_NAMES) if os.path.isdir(NETNS_NAMES) else []
        near = _near(word, known)
        raise ArgumentTypeError(f"no network namespace {word!r} here{near}")
    number = whole_number(word, "PID or inode", 1, MAX_INODE)
    if number > MAX_PID:
        return number
    of_process = f"/proc/{number}/ns/net"
    try:
        os.stat(of_process)
    except PermissionError:
        raise ArgumentTypeError(
            f"no access to the namespaces of process {number} (CAP_SYS_PTRACE gives it)"
        ) from None
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise ArgumentTypeError(f"no process {number} ({reason})") from None
    return of_process


def network(word: str) -> IPv4Network | IPv6Network:
    """Parse a network or an address. What is IPv4 in IPv6 (mapped) is IPv4."""
    import ipaddress

    try:
        # ipaddress knows scopes (%eth0); the addresses of sockets have none.
        parsed = ipaddress.ip_network(word.replace("%", " "))
    except ValueError:
        raise ArgumentTypeError(_why_no_network(word)) from None
    mapped = parsed.version == 6 and parsed.network_address.ipv4_mapped
    if mapped and parsed.prefixlen >= MAPPED_LENGTH:
        return ipaddress.IPv4Network((mapped, parsed.prefixlen - MAPPED_LENGTH))
    return parsed


def _why_no_network(word: str) -> str:
    import ipaddress

    try:
        meant = ipaddress.ip_network(word.replace("%", " "), strict=False)
    except ValueError:
        return f"{word!r} is no address and no network such as 10.0.0.0/8 or fd00::/8"
    return f"{word!r} has bits set behind its prefix (did you mean {meant}?)"
