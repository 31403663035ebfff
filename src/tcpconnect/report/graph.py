"""graph_of(): who connects where, as lines between two columns of names."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

import msgspec

from tcpconnect.report.shown import cut, host, many, port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tcpconnect.report.findings import Pair

    Key = tuple[str, int]

WIDTH = 880
LEFT, RIGHT = 290, 570  # where names end, and where they begin
ROW, TOP = 19, 26
MOST_PROGRAMS, MOST_DESTINATIONS = 20, 32
CELLS, TITLE_CELLS = 36, 64  # of a name, and of what is shown at the pointer
THINNEST, THICKEST = 1.0, 9.0
OK, ODD, BAD = "ok", "odd", "bad"  # tones, as they are drawn: nothing hides failures
SOME = 100  # one failure of so many attempts sets a line off
OTHERS: Key = ("", -1)  # those that are left out


class Node(msgspec.Struct, frozen=True):
    """A name, and what came of the attempts there. ``y`` is its middle."""

    y: int
    label: str
    title: str
    is_rest: bool = False


class Edge(msgspec.Struct, frozen=True):
    """The attempts between two nodes."""

    path: str
    width: float
    tone: str
    title: str


class Graph(msgspec.Struct, frozen=True):
    """What is drawn, in units of the drawing."""

    height: int
    programs: list[Node]
    destinations: list[Node]
    edges: list[Edge]


class Sum(msgspec.Struct):
    """The attempts of a node, or between two."""

    attempts: int = 0
    failed: int = 0
    members: set[Key] = set()

    def add(self, pair: Pair, member: Key) -> None:
        """Add those of a pair, which is of this program or destination."""
        self.attempts += pair.attempts
        self.failed += pair.failed
        self.members.add(member)

    @property
    def text(self) -> str:
        """What is said of it."""
        text = many(self.attempts, "attempt")
        return f"{text}, {self.failed:,} failed" if self.failed else text

    @property
    def tone(self) -> str:
        """How its line looks: by how much of it failed."""
        if self.failed * 2 >= self.attempts:
            return BAD
        return ODD if self.failed * SOME >= self.attempts else OK


def graph_of(pairs: list[Pair]) -> Graph:
    """Return the graph of pairs. What has no room is a row that says how much."""
    programs = _chosen(pairs, program_of, MOST_PROGRAMS)
    theirs = [pair for pair in pairs if program_of(pair) in programs]
    destinations = _chosen(theirs, destination_of, MOST_DESTINATIONS)
    lefts: dict[Key, Sum] = {}
    rights: dict[Key, Sum] = {}
    lines: dict[tuple[Key, Key], Sum] = {}
    for pair in pairs:
        program, destination = program_of(pair), destination_of(pair)
        left = program if program in programs else OTHERS
        right = destination if destination in destinations else OTHERS
        lefts.setdefault(left, Sum()).add(pair, program)
        rights.setdefault(right, Sum()).add(pair, destination)
        lines.setdefault((left, right), Sum()).add(pair, program)
    left_rows = _in_order(lefts, lambda key: -lefts[key].attempts)
    places = _middles(lines, left_rows)
    right_rows = _in_order(rights, lambda key: places[key])
    rows = max(len(left_rows), len(right_rows))
    ys, zs = _spread(left_rows, rows), _spread(right_rows, rows)
    most = max((line.attempts for line in lines.values()), default=1)
    tones = OK, ODD, BAD
    ordered = sorted(lines.items(), key=lambda line: tones.index(line[1].tone))
    return Graph(
        TOP + rows * ROW,
        [_node(key, lefts[key], ys[key], "program") for key in left_rows],
        [_node(key, rights[key], zs[key], "destination") for key in right_rows],
        [
            _edge(line, ys[key], zs[other], most, is_rest=OTHERS in {key, other})
            for (key, other), line in ordered
        ],
    )


def program_of(pair: Pair) -> Key:
    """Return the key of its program."""
    return pair.program, 0


def destination_of(pair: Pair) -> Key:
    """Return the key of its destination."""
    return pair.destination, pair.dport


def _chosen(pairs: list[Pair], key_of: Callable[[Pair], Key], most: int) -> set[Key]:
    """Return the nodes that are shown: half of them for failures, then the busiest."""
    sums: dict[Key, Sum] = {}
    for pair in pairs:
        sums.setdefault(key_of(pair), Sum()).add(pair, key_of(pair))
    if len(sums) <= most:
        return set(sums)
    failing = [key for key, found in sums.items() if found.failed]
    failing.sort(key=lambda key: -sums[key].failed)
    chosen = dict.fromkeys(failing[: most // 2])
    chosen |= dict.fromkeys(sorted(sums, key=lambda key: -sums[key].attempts))
    return set(list(chosen)[:most])


def _in_order(keys: Iterable[Key], order: Callable[[Key], float]) -> list[Key]:
    """Return keys in an order, with what is left out below."""
    return sorted(keys, key=lambda key: (key == OTHERS, order(key), key))


def _middles(
    lines: Mapping[tuple[Key, Key], Sum], left_rows: list[Key]
) -> dict[Key, float]:
    """Return the middle of the rows that lead to each destination: few lines cross."""
    at = {key: row for row, key in enumerate(left_rows)}
    rows: dict[Key, list[int]] = {}
    for left, right in lines:
        rows.setdefault(right, []).append(at[left])
    return {key: sum(found) / len(found) for key, found in rows.items()}


def _spread(keys: list[Key], rows: int) -> dict[Key, int]:
    """Return where each key stands, over the height of so many rows."""
    step = rows * ROW / max(len(keys), 1)
    return {key: round(TOP + (row + 0.5) * step) for row, key in enumerate(keys)}


def _node(key: Key, found: Sum, y: int, noun: str) -> Node:
    if key == OTHERS:
        return Node(
            y, many(len(found.members), f"other {noun}"), found.text, is_rest=True
        )
    name, dport = key
    end = port(dport)
    label = f"{cut(host(name, dport), CELLS - len(end))}{end}"
    title = f"{cut(host(name, dport), TITLE_CELLS)}{end}: {found.text}"
    return Node(y, label, title)


def _edge(line: Sum, y: int, z: int, most: int, *, is_rest: bool) -> Edge:
    scale = log2(1 + line.attempts) / log2(1 + most)
    width = round(THINNEST + (THICKEST - THINNEST) * scale, 1)
    begin, end = LEFT + 8, RIGHT - 8
    middle = (begin + end) // 2
    path = f"M{begin} {y}C{middle} {y} {middle} {z} {end} {z}"
    tone = f"rest {line.tone}" if is_rest else line.tone
    return Edge(path, width, tone, line.text)
