"""Connections, or their rows, decoded from what the kernel's programs wrote."""

from __future__ import annotations

import errno
from _socket import AF_INET, AF_INET6, inet_ntop  # socket takes 4 ms to import
from typing import TYPE_CHECKING, Any

import msgspec

from tcpconnect.connection import LOOKUP, Connection
from tcpconnect.kernel.records import (
    ABORTED,
    MEMBERS,
    OK,
    PENDING,
    UNKNOWN,
    Members,
)
from tcpconnect.machine.clock import epoch_ns
from tcpconnect.memo import Memo
from tcpconnect.output import printable
from tcpconnect.query import query_text
from tcpconnect.times import local_time
from tcpconnect.why import LOOKUP as NO_ADDRESS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tcpconnect.bpf.ring import Run
    from tcpconnect.lookup import Failed

_NO_ERRNO = {OK: "OK", ABORTED: "ABORTED", PENDING: "PENDING", UNKNOWN: None}


def _result(code: int) -> str | None:
    """Return the name of a result."""
    if code in _NO_ERRNO:
        return _NO_ERRNO[code]
    return errno.errorcode.get(code, f"errno {code}")


MAX_TEXTS = 65536
_MAPPED = bytes(10) + b"\xff\xff"
UNSPECIFIED = (_MAPPED + bytes(4), bytes(16))


def address(raw: bytes) -> str:
    """Return the text of 16 bytes; an IPv4-mapped address is shown as IPv4."""
    if raw.startswith(_MAPPED):
        return inet_ntop(AF_INET, raw[12:])
    return inet_ntop(AF_INET6, raw)


ANY = tuple(map(address, UNSPECIFIED))  # none was chosen
results = Memo(_result, MAX_TEXTS)
addresses, _comms = Memo(address, MAX_TEXTS), Memo(printable, MAX_TEXTS)

# How each member of a Connection, and each property that is shown, is made of the
# members of a record: an expression. ``first_ns`` is when the first attempt began; its
# record may come later than others. ``epoch_ns`` is read anew for each batch, so that
# the time of day follows when the clock of the machine is set. Words in braces are
# other members of a Connection.
VALUES = {
    "elapsed_s": "(time_ns - first_ns) / 1e9 if time_ns > first_ns else 0.0",
    "time": "time_ns + epoch_ns",
    "uid": "uid",
    "pid": "pid or None",
    "tid": "tid or None",
    "comm": "comms[comm] if pid else None",
    "ip": "ip",
    "saddr": "addresses[saddr]",
    "lport": "lport or None",
    "daddr": "addresses[daddr]",
    "dport": "dport",
    "netns": "netns",
    "cgroup_id": "cgroup",
    "monotonic_ns": "time_ns",
    "latency_ms": "None if result == UNKNOWN else latency_ns // 1000 / 1000",
    "result": "results[result]",
    "local_time": "local_time({time})",
    "query_text": "query_text({query}, {query_scope}, {daddr}, {query_age_ms})",
}
_OF_BATCH = ("first_ns", "epoch_ns")
_VARIABLES = {*MEMBERS, *_OF_BATCH}
_KNOWN: dict[str, Any] = {
    "addresses": addresses,
    "comms": _comms,
    "results": results,
    "UNKNOWN": UNKNOWN,
    "local_time": local_time,
    "query_text": query_text,
}
_BETWEEN = str.maketrans(dict.fromkeys("()[]{}<>=+-*/%:,!\"'\n", " "))
_FIELDS, _DEFAULTS = Connection.__struct_fields__, Connection.__struct_defaults__
_UNFILLED = dict(zip(_FIELDS[-len(_DEFAULTS) :], _DEFAULTS, strict=True))


class Added(msgspec.Struct, frozen=True):
    """What is added to attempts: ``values`` as above, whose names ``known`` has.

    What ``find`` finds for each record of a run, the values call ``name``.
    """

    values: Mapping[str, str]
    known: Mapping[str, Any] = {}
    name: str = ""
    find: Callable[[Run], Iterable[Any]] | None = None


class Decoder:
    """Reads values of Connections from records, with all that was ``added``.

    It is a Reading: formats make rows of records, too, without a Connection.
    """

    def __init__(self, added: Iterable[Added] = ()) -> None:
        self._added = list(added)
        self._values = dict(VALUES)
        self._known = dict(_KNOWN)
        self._run: Run | None = None
        self._found: dict[str, Iterable[Any]] = {}  # in this run, by who found it
        for each in self._added:
            self._values.update(each.values)
            self._known.update(each.known)
        self._finders = {each.name: each.find for each in self._added if each.find}

    def value(self, path: str) -> str:
        """Return the source of the value at a path of a Connection."""
        name, dot, rest = path.partition(".")
        if name not in self._values:
            self._known[f"no_{name}"] = _UNFILLED[name]
            return f"no_{path}"
        return f"({self._values[name].format_map(_Values(self))}){dot}{rest}"

    def key(self, path: str) -> tuple[str, Callable[[Any], Any] | None]:
        """Return the one member of a record that makes a value, and how it does.

        Where it takes more, return the source of the value, and None.
        """
        value = self.value(path)
        names = _names(value)
        read = names & (_VARIABLES | self._finders.keys())
        member = min(read, default="")
        if len(read) > 1 or member not in MEMBERS:
            return value, None
        make = eval(f"lambda {member}: {value}", self._known)  # noqa: S307 (as below)
        return member, make

    def connections(self) -> Callable[[Run, int], list[Any]]:
        """Return a function from a run of attempts to Connections."""
        filled = max(i for i, name in enumerate(_FIELDS) if name in self._values) + 1
        members = ", ".join(map(self.value, _FIELDS[:filled]))
        return self.compiled(f"Connection({members})", {"Connection": Connection})

    def compiled(
        self, expression: str, known: Mapping[str, Any]
    ) -> Callable[[Run, int], list[Any]]:
        """Return a function from a run of attempts to the expression's value for each.

        Its second argument is ``first_ns``. Only what the expression uses is read.
        """
        used = _names(expression)
        members = Members(used & MEMBERS.keys() or {"time_ns"})
        found = [name for name in self._finders if name in used]
        target, items = f"({', '.join(members.names)},)", "records"
        if found:
            names = ", ".join(found)
            target, items = f"{target}, {names}", f"zip(records, {names}, strict=True)"
        arguments = ", ".join([*_OF_BATCH, "records", *found])
        source = f"lambda {arguments}: [{expression} for {target} in {items}]"
        make = eval(source, {**self._known, **known})  # noqa: S307 (our own names)
        epoch = epoch_ns if "epoch_ns" in used else int

        def made(run: Run, first_ns: int) -> list[Any]:
            each = [self._find(name, run) for name in found]
            values: list[Any] = make(first_ns, epoch(), members.of(run), *each)
            return values

        return made

    def _find(self, name: str, run: Run) -> Iterable[Any]:
        """Return what was found for a run: once, whoever reads it."""
        if run is not self._run:
            self._run, self._found = run, {}
        if name not in self._found:
            self._found[name] = self._finders[name](run)
        return self._found[name]


class _Values(dict[str, str]):
    """The expressions of a decoder, by the members that they make."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def __missing__(self, name: str) -> str:
        return self._decoder.value(name)


def show_failed(
    connections: Iterable[Connection], failed: Iterable[Failed], *, with_why: bool
) -> None:
    """Have attempts show the lookups that failed, of which they have the records."""
    for connection, each in zip(connections, failed, strict=True):
        connection.event = LOOKUP
        connection.ip = connection.saddr = connection.daddr = connection.dport = None
        connection.result = each.result
        connection.dns_ms = each.waited_ms
        connection.query = each.name
        connection.query_source = each.source
        connection.query_scope = "process"
        connection.why = NO_ADDRESS if with_why else None


def _names(expression: str) -> set[str]:
    """Return the names in an expression, but not those of attributes.

    (From Python 3.13 on, a pattern would be the only one: re takes 1 ms to import.)
    """
    words = expression.translate(_BETWEEN).split()
    return {word.partition(".")[0] for word in words}
