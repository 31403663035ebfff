"""The values of options: parsed from text, checked for Settings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from tcpconnect import messages
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
MAPPED_LENGTH = 96  # of ::ffff:0:0/96, the IPv4-mapped addresses
NAME_SOURCES = frozenset({"dns", "libc"})
# The others are named in results.py.
COMMON_RESULTS = tuple(
    "OK ECONNREFUSED ETIMEDOUT EHOSTUNREACH ENETUNREACH EADDRNOTAVAIL EACCES EPERM "
    "ABORTED PENDING NXDOMAIN NODATA SERVFAIL REFUSED DNS_TIMEOUT".split()
)
MAX_NAMES, NAMES_TTL_S = 10_240, 24 * 3600.0  # the defaults


PID = Range("PID", 1, MAX_PID)
UID = Range("UID", 0, MAX_UID)
PORT = Range("port", 0, (1 << 16) - 1)
INODE = Range("inode of a network namespace", 1, MAX_INODE)
PID_OR_INODE = Range("PID or inode", 1, MAX_INODE)
COUNT = Range("count", 1, MAX_NUMBER)
SECONDS = Time("s")
MILLISECONDS = Time("ms")


def pids(text: str) -> frozenset[int]:
    """Parse ``1,2,3``. All parsers raise UsageError."""
    return frozenset(PID.parse(word) for word in _words(text, "PID"))


def uids(text: str) -> frozenset[int]:
    """Parse ``1000,alice``: numbers and names of users."""
    return frozenset(_uid(word) for word in _words(text, "user"))


def ports(text: str) -> frozenset[int]:
    """Parse ``80,https,8000-8100``."""
    ranges: set[tuple[int, int]] = set()
    for word in _words(text, "port"):
        if word.strip("0123456789-"):
            from tcpconnect.services import port_of

            port = port_of(word)
            ranges.add((port, port))
            continue
        low, dash, high = word.partition("-")
        if dash and not (low and high):
            raise UsageError(messages.HALF_RANGE, range=word)
        first = PORT.parse(low)
        last = PORT.parse(high) if dash else first
        if last < first:
            raise UsageError(messages.INVALID_RANGE, range=word)
        ranges.add((first, last))
    found: set[int] = set()
    after = 0  # ports below are in ``found`` already
    for first, last in sorted(ranges):
        found.update(range(max(first, after), last + 1))
        after = max(after, last + 1)
    return frozenset(found)


def comms(text: str) -> frozenset[str]:
    """Parse ``curl,wget``."""
    return frozenset(comm(_not_a_path(word)) for word in names(text))


def comm(name: str) -> str:
    """Return the name of a thread, if it fits into the kernel's field."""
    raw = os.fsencode(name)
    if not raw:
        raise UsageError(messages.EMPTY_THREAD_NAME)
    if len(raw) > MAX_COMM:
        message, cut = messages.LONG_THREAD_NAME, os.fsdecode(raw[:MAX_COMM])
        raise UsageError(message, name=name, limit=MAX_COMM, cut=cut)
    return name


def _not_a_path(name: str) -> str:
    """Return the name of a thread, unless it is the path of a program.

    Some programs name themselves like a path, which the kernel cuts.
    """
    maybe_name = len(name) <= MAX_COMM and not os.access(name, os.X_OK)
    if name.startswith(("./", "../")) or (name[:1] == "/" and not maybe_name):
        base = os.fsdecode(os.fsencode(name.rstrip("/").rpartition("/")[2])[:MAX_COMM])
        near = f"did you mean {base}?" if base else ""
        raise UsageError(messages.PATH_AS_NAME, name=name, near=near)
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
    """Return the text as a single value."""
    return frozenset({text})


def host_names(text: str) -> frozenset[str]:
    """Parse ``*.corp.example,db``: patterns of names, without a last dot."""
    return frozenset(word.rstrip(".") for word in _words(text, "name"))


def results(text: str) -> frozenset[str]:
    """Parse ``ECONNREFUSED,etimedout``."""
    return frozenset(result(word) for word in _words(text, "result"))


def result(word: str) -> str:
    """Return a result in capitals, if there is one of that name."""
    from tcpconnect import results as known

    return known.result(word)


def name_sources(text: str) -> frozenset[str]:
    """Parse ``dns,libc``."""
    return frozenset(name_source(word) for word in _words(text, "source"))


def name_source(word: str) -> str:
    """Return the source of names if it exists."""
    if word not in NAME_SOURCES:
        expected = " or ".join(sorted(NAME_SOURCES))
        raise UsageError(messages.INVALID_SOURCE, source=word, expected=expected)
    return word


def pinned_map(path: str) -> str:
    """Return the path of a pinned map, which is not empty."""
    if not path:
        raise UsageError(messages.EMPTY_MAP_PATH)
    return path


def ring_bytes(number: int) -> int:
    """Return the size of a ring buffer if the kernel accepts it."""
    if number < PAGE_BYTES or number & (number - 1):
        raise UsageError(messages.INVALID_RING_SIZE, size=number, least=PAGE_BYTES)
    return number


def _words(text: str, what: str) -> Iterator[str]:
    for word in text.split(","):
        if not word.strip():
            raise UsageError(messages.MISSING_VALUE, what=what, list=text)
        yield word.strip()


def _uid(word: str) -> int:
    if word.isascii() and word.isdigit():
        return UID.parse(word)
    import pwd

    try:
        return pwd.getpwnam(word).pw_uid
    except KeyError:
        near = did_you_mean(word, (user.pw_name for user in pwd.getpwall()))
        raise UsageError(messages.NO_USER, name=word, near=near) from None


def _netns(word: str) -> int | str:
    """Return path or inode. Names precede PIDs; every inode is above all PIDs.

    The path of a name is taken, too: the summary shows it.
    """
    word = word.removeprefix(f"{NETNS_NAMES}/")
    named = f"{NETNS_NAMES}/{word}"
    if "/" not in word and os.path.exists(named):
        if os.stat(named).st_dev != os.stat(OWN_NETNS).st_dev:
            raise UsageError(messages.STALE_NETNS, path=named, name=word)
        return named
    if not (word.isascii() and word.isdigit()):
        known = os.listdir(NETNS_NAMES) if os.path.isdir(NETNS_NAMES) else []
        near = did_you_mean(os.path.basename(word), known)
        folder = NETNS_NAMES
        raise UsageError(messages.NO_NETNS_NAMED, name=word, folder=folder, near=near)
    number = PID_OR_INODE.parse(word)
    if number > MAX_PID:
        return number
    of_process = f"/proc/{number}/ns/net"
    try:
        os.stat(of_process)
    except PermissionError:
        raise UsageError(messages.NETNS_DENIED, pid=number) from None
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        message = messages.NO_NETNS_OF_PROCESS
        raise UsageError(message, pid=number, reason=reason) from None
    return of_process


def _checked_netns(which: int | str) -> int | str:
    return which if isinstance(which, str) else INODE.check(which)


def network(value: str | IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """Return a network, or that of one address. IPv4-mapped ones become IPv4."""
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
        return UsageError(messages.INVALID_ADDRESS, value=word)
    return UsageError(messages.HOST_BITS, value=word, network=meant)


def listed(text: str) -> list[str]:
    """Return the words of a list, in their order."""
    return [word.strip() for word in text.split(",")]


def _each(check: Callable[[Any], Any]) -> Callable[[Iterable[Any]], frozenset[Any]]:
    """Return a function that checks a collection."""
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
HOSTS = Value("NAME", host_names, frozenset)
UNITS = Value("UNIT", names, frozenset)
PODS = Value("POD", names, frozenset)
RESULTS = Value("RESULT", results, _each(result), "list", COMMON_RESULTS)
COLUMNS = Value("LIST", listed, tuple, "columns")
BY = replace(COLUMNS, parse=lambda text: tuple(listed(text)))
CGROUPMAP = Value("CGROUPMAP", pinned_map, pinned_map, "file")
MNTNSMAP = replace(CGROUPMAP, metavar="MNTNSMAP")
NUMBER = Value("N", COUNT.parse, COUNT.check)
TIME = Value("TIME", SECONDS.parse, SECONDS.check)
SHORT_TIME = Value("TIME", MILLISECONDS.parse, lambda ms: ms and MILLISECONDS.check(ms))
RING = Value("BYTES", lambda text: ring_bytes(COUNT.parse(text)), ring_bytes)
