"""Attempts that have not ended: each in its slot, or in a map if that is taken."""

from __future__ import annotations

import os
import socket
from collections import Counter
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tcpconnect import trace
from tcpconnect.bpf.object import BpfObject
from tcpconnect.kernel import pending
from tcpconnect.kernel.records import SLOT, Progress
from tests.support.attempts import Child, attempt, run_all
from tests.support.launch import EMULATED
from tests.support.sockets import CLOSED, HOLE, begin

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Key = tuple[int, str | None]

pytestmark = pytest.mark.usefixtures("netns", "far")

WORKERS = 2 * (os.cpu_count() or 1)
ROUNDS = 20
FIRST_PORT = 1000
OPEN = 50  # attempts of each round, of which half stay open
REFUSED = 25
HAMMERED = 500 if EMULATED else 5000  # emulated, each takes 2 ms


def refused(times: int) -> None:
    """Make attempts that end at once."""
    for _ in range(times):
        attempt(*CLOSED)


def work(held: list[socket.socket]) -> None:
    """Open attempts, of which every second is given up, and make others meanwhile."""
    for first in range(FIRST_PORT, FIRST_PORT + ROUNDS * OPEN, OPEN):
        clients = [socket.socket() for _ in range(OPEN)]
        for port, client in enumerate(clients, first):
            begin(client, (HOLE[0], port))
        refused(REFUSED)
        for client in clients[::2]:
            client.close()
        held.extend(clients[1::2])


def results_of(works: Sequence[Callable[[], object]]) -> dict[int, Counter[Key]]:
    """Have processes work at the same time; return port and result of their attempts.

    Nothing is lost.
    """
    with ExitStack() as stack:
        children = [stack.enter_context(Child(work)) for work in works]
        found: dict[int, Counter[Key]] = {child.pid: Counter() for child in children}
        events = stack.enter_context(trace(pids=list(found), result=True))
        run_all(children)
        events.stop()
        for event in events:
            assert event.pid
            assert event.dport
            found[event.pid][event.dport, event.result] += 1
        assert not events.losses
    return found


@pytest.mark.parametrize("bits", [1, pending.SLOT_BITS])
def test_each_has_its_end(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """On all CPUs at once, with many for a slot: none is lost, taken for another's."""
    monkeypatch.setattr(pending, "SLOT_BITS", bits)
    found = results_of(WORKERS * [partial(work, [])])
    expected = {
        (FIRST_PORT + n, ("ABORTED", "PENDING")[n % 2]): 1 for n in range(ROUNDS * OPEN)
    }
    expected[CLOSED[1], "ECONNREFUSED"] = ROUNDS * REFUSED
    assert list(found.values()) == WORKERS * [expected]


@pytest.mark.usefixtures("objects_stay")
def test_slots_are_free_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """All CPUs want the same two, time and again: in the end nobody has them."""
    monkeypatch.setattr(pending, "SLOT_BITS", 1)
    values = BpfObject.values
    left, overflowed = [], []

    def values_seen(bpf: BpfObject, name: str, size: int) -> bytes:
        left.append(values(bpf, name, size))
        progress = Progress.from_buffer_copy(bpf.variables())
        overflowed.append(progress.overflowed)
        return left[-1]

    monkeypatch.setattr(BpfObject, "values", values_seen)
    found = results_of(WORKERS * [partial(refused, HAMMERED)])
    expected = {(CLOSED[1], "ECONNREFUSED"): HAMMERED}
    assert list(found.values()) == WORKERS * [expected]
    slots = [slot for array in left for slot in SLOT.iter_unpack(array)]
    assert [tag for tag, *_ in slots] == [0, 0]
    assert overflowed == [0]
