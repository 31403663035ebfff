"""The law of recorded filters, for who connects, from where, and to which name."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import Child, attempt
from tests.support.lookups import resolving
from tests.support.places import CRI_ID, PLACES
from tests.support.recordings import replayed, traced
from tests.support.tool import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.network import NetNs
    from tests.support.processes import Cgroup

NAMES = ("db.corp.test", "gone.test", "127.0.0.8")
CONNECT = """
import socket, sys
for name in sys.argv[1:]:
    try:
        socket.create_connection((name, 7), 1)
    except OSError:
        pass
"""
# Filters, where {a} and {b} are processes, with how many attempts or lookups pass.
FILTERS = {
    "-p {a}": 5,
    "-p {b}": 1,
    "--pid {a},{b} -P 80,9": 2,
    "--unit nginx": 1,
    "--unit nginx*": 3,
    "--unit nginx.scope,nginx-debug.service": 2,
    "--pod 3b7c*": 1,
    "--pod shop/web": 0,
    "--unit * --pod *": 1,
    "--container {id}": 1,
    "--not-container {id} -p {a}": 4,
    "--to-name *.test": 1,
    "--to-name *.TEST -rd": 2,
    "--to-name gone.* -rd --failed": 1,
    "--to-name db.* -p {a}": 0,
}


@pytest.fixture
def children(
    netns: NetNs, cgroups: Callable[..., Cgroup], tmp_path: Path
) -> Iterator[list[Child]]:
    """Processes: in units and a pod, in none of them, and one that looks names up."""
    assert netns.inode
    places = {port: cgroups(*names) for port, names in PLACES.items()}

    def from_places() -> None:
        for port, place in places.items():
            place.enter()
            attempt("127.0.0.1", port)

    def to_names() -> None:
        subprocess.run([sys.executable, "-c", CONNECT, *NAMES], check=True)

    with ExitStack() as stack:
        stack.enter_context(resolving(tmp_path))
        with open("/etc/hosts", "a", encoding="ascii") as hosts:
            hosts.write("127.0.0.9 db.corp.test\n")
        yield [
            stack.enter_context(Child(work))
            for work in (from_places, lambda: attempt("127.0.0.1", 9), to_names)
        ]


def test_same_lines(children: list[Child], netns: NetNs, tmp_path: Path) -> None:
    """One trace of everything, and one for each filter, at once."""
    path = tmp_path / "all.jsonl"
    here = ["--netns", str(netns.inode)]
    columns = "pid,comm,daddr,dport,event,unit,pod"
    known = {"a": children[0].pid, "b": children[1].pid, "id": CRI_ID[:12]}
    chosen = [
        [
            *("-j", "--columns", f"{columns},query" if "-name" in filters else columns),
            *(*here, *filters.format(**known).split()),
        ]
        for filters in FILTERS
    ]
    with traced([["-rd", *here, "-o", str(path)], *chosen]) as tools:
        for child in children:
            child.run()
        for tool in tools:
            assert tool.stop() == 0
            assert not MISSING.search(tool.said), tool.stderr
        expected = replayed(path, *chosen)
        for tool, lines, options in zip(tools[1:], expected, chosen, strict=True):
            shown = tool.stdout.decode().splitlines()
            assert sorted(shown) == sorted(lines), options
    counts = [len(lines) for lines in expected]
    assert dict(zip(FILTERS, counts, strict=True)) == FILTERS
