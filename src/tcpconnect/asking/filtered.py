"""The filters of a trace, as conditions on the rows of a history.

What they mean is decided here, by the same functions as for recordings; the database
gets the names, or the IDs, that pass.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, NamedTuple

from tcpconnect.history import queries
from tcpconnect.recorded_filters import is_container, within
from tcpconnect.wanted import SERVICE, with_namespace, with_service

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from tcpconnect.databases.database import Database

    Passes = Callable[[Any], bool]

MAX_VALUES = 50  # of a column that a statement has; of more it has the IDs
IPV6 = 6
PROGRAMS = ("program", "container", "unit", "pod", "uid")
DESTINATIONS = ("destination", "dport", "query", "address")
NUMBERS = {"uid", "dport"}
ID_LENGTHS = {12, 64}  # of containers that have no name
HEX = frozenset("0123456789abcdef")


class Filter(NamedTuple):
    """Passes the rows of a table whose column has some values, by words of a user."""

    words: Collection[Any]
    column: str
    passes: Passes


def filters_of(given: Mapping[str, Any]) -> Iterator[Filter]:
    """Yield the filters of a command line, by the members of Settings."""
    yield from _of_programs(given)
    yield from _of_destinations(given)


def _of_programs(given: Mapping[str, Any]) -> Iterator[Filter]:
    if names := given.get("programs"):
        yield Filter(names, "program", lambda name: is_program(name, names))
    if uids := given.get("uids"):
        yield Filter(uids, "uid", lambda uid: uid in uids)
    for member, column, patterns in (
        ("units", "unit", with_service),
        ("pods", "pod", with_namespace),
    ):
        if wanted := given.get(member):
            yield Filter(wanted, column, _matcher(patterns(wanted)))
    if inside := given.get("containers"):
        yield Filter(inside, "container", _in_container(inside))
    if others := given.get("not_containers"):
        left_out = _in_container(others)
        yield Filter(others, "container", lambda name: not left_out(name))


def _of_destinations(given: Mapping[str, Any]) -> Iterator[Filter]:
    """Yield filters; those by port and address pass failed lookups, as in a trace."""
    ports, not_ports = given.get("ports"), given.get("not_ports")
    if ports:
        wanted = frozenset(ports).difference(not_ports or ()) | {0}
        yield Filter(ports, "dport", lambda port: port in wanted)
    elif not_ports:
        yield Filter(not_ports, "dport", lambda port: port not in not_ports)
    if networks := given.get("to"):
        inside = within(networks)
        yield Filter(networks, "address", lambda text: not text or inside(text))
    if networks := given.get("not_to"):
        outside = within(networks)
        yield Filter(networks, "address", lambda text: not outside(text or None))
    if version := given.get("ip"):
        is_six = version == IPV6
        family = f"IPv{version}"
        yield Filter([family], "address", lambda a: not a or (":" in a) is is_six)
    if names := given.get("to_names"):
        matches = _matcher([name.lower() for name in names])
        yield Filter(names, "query", lambda name: matches(name.lower()))


def is_program(name: str, patterns: Iterable[str]) -> bool:
    """Whether a program is one of these: ``web`` is shop/web and web.service, too."""
    short = name.rpartition("/")[2]
    names = {name, short, short.removesuffix(SERVICE)}
    return any(fnmatchcase(each, pattern) for pattern in patterns for each in names)


def _matcher(patterns: Collection[str]) -> Passes:
    return lambda text: bool(text) and any(fnmatchcase(text, p) for p in patterns)


def _in_container(names: Collection[str]) -> Passes:
    matches = is_container(names)

    def inside(name: str) -> bool:
        is_id = len(name) in ID_LENGTHS and HEX.issuperset(name)
        return bool(name) and matches(name, name if is_id else None)

    return inside


class Conditions:
    """Conditions for a statement, and its values.

    ``missed`` is the first filter that nothing in the history passes.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.values: dict[str, int | str] = {}
        self.missed: Filter | None = None
        self.known: list[Any] = []  # all values of that filter's column

    def passed(self, each: Filter, values: list[Any]) -> frozenset[Any]:
        """Return the values that pass a filter."""
        passed = frozenset(filter(each.passes, values))
        if not passed:
            self.missed, self.known = self.missed or each, self.known or values
        return passed

    def parameters(self, column: str, values: Iterable[Any]) -> str:
        """Return the list of some values, as a statement has it."""
        names = []
        for value in values:
            names.append(f":{column}{len(self.values)}")
            self.values[names[-1][1:]] = value
        return ", ".join(names)


class OfRows(Conditions):
    """Conditions on the rows of attempts."""

    def __init__(self, database: Database, given: Mapping[str, Any]) -> None:
        super().__init__()
        self._tables: dict[str, list[Any]] = {}
        self._database = database
        for each in filters_of(given):
            self.texts.append(self._condition(each))
        if given.get("failed"):
            self.texts.append(queries.FAILED)
        if results := given.get("results"):
            key, table = "outcome_id", "outcomes"
            self.texts.append(self._named(key, table, "result", sorted(results)))

    def _condition(self, each: Filter) -> str:
        key, table, columns, statement = (
            ("program_id", "programs", PROGRAMS, queries.PROGRAMS)
            if each.column in PROGRAMS
            else ("destination_id", "destinations", DESTINATIONS, queries.DESTINATIONS)
        )
        if table not in self._tables:
            self._tables[table] = self._database.rows(statement, {})
        at = 1 + columns.index(each.column)
        rows = self._tables[table]
        kind = int if each.column in NUMBERS else str  # anyone may have made the file
        values = list(dict.fromkeys(kind(row[at]) for row in rows))
        passed = self.passed(each, values)
        if not passed:
            return "1 = 0"
        if len(passed) <= MAX_VALUES:
            return self._named(key, table, each.column, sorted(passed))
        ids = (str(int(row[0])) for row in rows if kind(row[at]) in passed)
        return f"{key} IN ({', '.join(ids)})"

    def _named(self, key: str, table: str, column: str, values: Iterable[Any]) -> str:
        some = self.parameters(column, values)
        subquery = f"SELECT {key} FROM {table} WHERE {column} IN ({some})"  # noqa: S608
        return f"{key} IN (\n        {subquery}\n    )"


class OfAlerts(Conditions):
    """Conditions on alerts, which have a program, a destination and a port."""

    def __init__(self, database: Database, given: Mapping[str, Any]) -> None:
        super().__init__()
        filters = [*filters_of(given)]
        rows = database.rows(queries.OF_ALERTS, {}) if filters else []
        programs, destinations, ports = zip(*rows, strict=True) if rows else ((),) * 3
        columns: dict[str, tuple[str, list[Any]]] = {
            "program": ("program", [*map(str, programs)]),
            "query": ("destination", [*filter(_is_name, map(str, destinations))]),
            "dport": ("dport", [*map(int, ports)]),
        }
        for each in filters:
            column, values = columns[each.column]
            passed = self.passed(each, list(dict.fromkeys(values)))
            some = self.parameters(column, sorted(passed))
            self.texts.append(f"{column} IN ({some})" if passed else "1 = 0")


def _is_name(destination: str) -> bool:
    try:
        ip_network(destination)
    except ValueError:
        return True
    return False
