"""The values of options: read from the command line's text, checked for Settings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from tcpconnect.errors import UsageError, did_you_mean
from tcpconnect.values import MAX_NUMBER, Range, Time, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from ipaddress import IPv4Network, IPv6Network

NETNS_NAMES = "/run/netns"
OWN_NETNS = "/proc/self/ns/net"

MAX_PID = 1 << 22
MAX_UID = (1 << 32) - 1
MAX_INODE = (1 << 32) - 1
MAX_COMM = 15  # bytes
PAGE_BYTES = 4096
MAPPED_LENGTH = 96  # of ::ffff:0:0/96, where IPv4 lies in IPv6
NAME_SOURCES = frozenset({"dns", "libc"})
MAX_NAMES, NAMES_TTL_S = 10_240, 24 * 3600.0  # unless told


PID = Range("PID", 1, MAX_PID)
UID = Range("UID", 0, MAX_UID)
PORT = Range("port", 0, (1 << 16) - 1)
INODE = Range("inode of a network namespace", 1, MAX_INODE)
PID_OR_INODE = Range("PID or inode", 1, MAX_INODE)
COUNT = Range("count", 1, MAX_NUMBER)
SECONDS = Time("seconds")
MILLISECONDS = Time("milliseconds")


def pids(text: str) -> frozenset[int]:
    """Parse ``1,2,3``. Raises UsageError, as do the others."""
    return frozenset(PID.parse(word) for word in _words(text, "PID"))


def uids(text: str) -> frozenset[int]:
    """Parse ``1000,alice``: numbers and names of users."""
    return frozenset(_uid(word) for word in _words(text, "user"))


def ports(text: str) -> frozenset[int]:
    """Parse ``80,443,8000-8100``."""
    ranges: set[tuple[int, int]] = set()
    for word in _words(text, "port"):
        low, dash, high = word.partition("-")
        first = PORT.parse(low)
        last = PORT.parse(high) if dash else first
        if last < first:
            raise UsageError(f"invalid range {word!r}", "it ends before it begins")
        ranges.add((first, last))
    found: set[int] = set()
    after = 0  # those that are in already
    for first, last in sorted(ranges):
        found.update(range(max(first, after), last + 1))
        after = max(after, last + 1)
    return frozenset(found)


def comms(text: str) -> frozenset[str]:
    """Parse ``curl,wget``."""
    return frozenset(comm(word) for word in names(text))


def comm(name: str) -> str:
    """Return the name of a thread if the kernel can keep it whole."""
    raw = os.fsencode(name)
    if not raw:
        raise UsageError("the name of a thread is empty")
    if len(raw) > MAX_COMM:
        kept = os.fsdecode(raw[:MAX_COMM])
        raise UsageError(
            f"invalid thread name {name!r}",
            f"longer than {MAX_COMM} bytes",
            f"the kernel keeps {kept!r}",
        )
    return name


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
    return frozenset(name_source(word) for word in _words(text, "source"))


def name_source(word: str) -> str:
    """Return a source of names if there is such a one."""
    if word not in NAME_SOURCES:
        expected = f"expected {' or '.join(sorted(NAME_SOURCES))}"
        raise UsageError(f"invalid source of names {word!r}", expected)
    return word


def pinned_map(path: str) -> str:
    """Return the path of a pinned map, which is not empty."""
    if not path:
        raise UsageError("the path of a map is empty", "", "name a pinned BPF map")
    return path


def ring_bytes(number: int) -> int:
    """Return the size of a ring buffer if the kernel has such ones."""
    if number < PAGE_BYTES or number & (number - 1):
        expected = f"expected a power of two, at least {PAGE_BYTES}"
        raise UsageError(f"invalid ring size {number}", expected)
    return number


def _words(text: str, what: str) -> Iterator[str]:
    for word in text.split(","):
        if not word.strip():
            raise UsageError(f"missing {what} in {text!r}")
        yield word.strip()


def _uid(word: str) -> int:
    if word.isascii() and word.isdigit():
        return UID.parse(word)
    import pwd

    try:
        return pwd.getpwnam(word).pw_uid
    except KeyError:
        near = did_you_mean(word, (user.pw_name for user in pwd.getpwall()))
        raise UsageError(f"no user {word!r} on this machine", "", near) from None


def _netns(word: str) -> int | str:
    """Return path or inode. A name comes before a PID, a PID is below any inode."""
    named = f"{NETNS_NAMES}/{word}"
    if "/" not in word and os.path.exists(named):
        if os.stat(named).st_dev != os.stat(OWN_NETNS).st_dev:
            raise UsageError(f"{named} is left over from a namespace that is gone")
        return named
    if not (word.isascii() and word.isdigit()):
        known = os.listdir(NETNS_NAMES) if os.path.isdir(NETNS_NAMES) else []
        near = did_you_mean(word, known)
        raise UsageError(f"no network namespace {word!r} here", "", near)
    number = PID_OR_INODE.parse(word)
    if number > MAX_PID:
        return number
    of_process = f"/proc/{number}/ns/net"
    try:
        os.stat(of_process)
    except PermissionError:
        raise UsageError(
            f"no access to the namespaces of process {number}",
            "CAP_SYS_PTRACE is missing",
        ) from None
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise UsageError(f"no network namespace of process {number}", reason) from None
    return of_process


def _checked_netns(which: int | str) -> int | str:
    return which if isinstance(which, str) else INODE.check(which)


def network(value: str | IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """Return a network, or that of an address. What is IPv4-mapped is IPv4."""
    import ipaddress

    if isinstance(value, ipaddress.IPv4Network):
        return value
    word = str(value)
    try:
        # ipaddress knows scopes (%eth0); the addresses of sockets have none.
        parsed = ipaddress.ip_network(word.replace("%", " "))
    except ValueError:
        raise _no_network(word) from None
    mapped = parsed.version == 6 and parsed.network_address.ipv4_mapped
    if mapped and parsed.prefixlen >= MAPPED_LENGTH:
        return ipaddress.IPv4Network((mapped, parsed.prefixlen - MAPPED_LENGTH))
    return parsed


def _no_network(word: str) -> UsageError:
    import ipaddress

    try:
        meant = ipaddress.ip_network(word.replace("%", " "), strict=False)
    except ValueError:
        expected = "expected such as 10.0.0.0/8, fd00::/8 or 192.0.2.1"
        return UsageError(f"invalid address or network {word!r}", expected)
    hint = f"did you mean {meant}?"
    return UsageError(f"invalid network {word!r}", "it has host bits set", hint)


def listed(text: str) -> list[str]:
    """Return the words of a list, in their order."""
    return [word.strip() for word in text.split(",")]


def _each(check: Callable[[Any], Any]) -> Callable[[Iterable[Any]], frozenset[Any]]:
    """Return what checks a collection."""
    return lambda values: frozenset(map(check, values))


PIDS = Value("PID", pids, _each(PID.check), "pids")
UIDS = Value("UID", uids, _each(UID.check), "users")
PORTS = Value("PORT", ports, _each(PORT.check))
COMMS = Value("NAME", comms, _each(comm))
NETNS = Value("NETNS", netns, _each(_checked_netns), "netns")
NETWORKS = Value("CIDR", networks, _each(network))
CGROUPS = Value("PATH", whole, frozenset, "cgroup")
CONTAINERS = Value("CONTAINER", names, frozenset)
SOURCES = Value(
    *("SOURCES", name_sources, _each(name_source), "list"), tuple(sorted(NAME_SOURCES))
)
COLUMNS = Value("LIST", listed, tuple, "columns")
CGROUPMAP = Value("CGROUPMAP", pinned_map, pinned_map, "file")
MNTNSMAP = replace(CGROUPMAP, metavar="MNTNSMAP")
NUMBER = Value("N", COUNT.parse, COUNT.check)
TIME = Value("SECONDS", SECONDS.parse, SECONDS.check)
SHORT_TIME = Value("MS", MILLISECONDS.parse, lambda ms: ms and MILLISECONDS.check(ms))
RING = Value("BYTES", lambda text: ring_bytes(COUNT.parse(text)), ring_bytes)
