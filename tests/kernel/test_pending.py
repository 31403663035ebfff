"""Attempts that have not ended: kept each in its slot, or in a map if that is taken."""

from __future__ import annotations

import os
import socket
from collections import Counter
from contextlib import ExitStack
from functools import partial

import pytest
from attempts import Child, attempt
from launch import FORK

from tcpconnect import trace
from tcpconnect.bpf import kernel
from tcpconnect.bpf.object import BpfObject

pytestmark = pytest.mark.usefixtures("netns", "far")

WORKERS = 2 * (os.cpu_count() or 1)
ROUNDS = 20
OPEN = 50  # attempts of each round, of which half stay open
REFUSED = 25
HAMMERED = 500 if FORK else 5000  # emulated, each takes 2 ms


def refused(times: int) -> None:
    """Make attempts that end at once."""
    for _ in range(times):
        attempt("127.0.0.1", 1)


def open_attempt(port: int) -> socket.socket:
    """Return a socket whose attempt stays open: nobody answers at 10.2.0.0/16."""
    client = socket.socket(type=socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    client.connect_ex(("10.2.0.1", port))
    return client


def work(held: list[socket.socket], first_port: int) -> None:
    """Open attempts, of which every second is given up, and make others meanwhile."""
    for port in range(first_port, first_port + ROUNDS * OPEN, OPEN):
        clients = [open_attempt(port + n) for n in range(OPEN)]
        refused(REFUSED)
        for client in clients[::2]:
            client.close()
        held.extend(clients[1::2])


@pytest.mark.parametrize("bits", [1, kernel.SLOT_BITS])
def test_each_has_its_end(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """On all CPUs at once, with many for a slot: none is lost, taken for another's."""
    monkeypatch.setattr(kernel, "SLOT_BITS", bits)
    begun = ROUNDS * OPEN
    with ExitStack() as stack:
        children = [
            stack.enter_context(Child(partial(work, [], 1000 + n * begun)))
            for n in range(WORKERS)
        ]
        pids = [child.pid for child in children]
        events = stack.enter_context(trace(pids=pids, result=True))
        for child in children:
            child.begin()
        for child in children:
            child.wait()
        events.stop()
        found = Counter((e.pid, e.dport, e.result) for e in events)
        assert not any(events.losses)
    expected = Counter(
        {(pid, 1, "ECONNREFUSED"): ROUNDS * REFUSED for pid in pids}
        | {
            (pid, 1000 + n * begun + i, ("ABORTED", "PENDING")[i % 2]): 1
            for n, pid in enumerate(pids)
            for i in range(begun)
        }
    )
    assert found == expected


def test_slots_are_free_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """All CPUs want the same two, time and again: in the end nobody has them."""
    monkeypatch.setattr(kernel, "SLOT_BITS", 1)
    values = BpfObject.values
    left = []

    def values_seen(bpf: BpfObject, name: str, size: int) -> bytes:
        left.append(values(bpf, name, size))
        return left[-1]

    monkeypatch.setattr(BpfObject, "values", values_seen)
    with ExitStack() as stack:
        children = [
            stack.enter_context(Child(partial(refused, HAMMERED)))
            for _ in range(WORKERS)
        ]
        pids = [child.pid for child in children]
        events = stack.enter_context(trace(pids=pids, result=True))
        for child in children:
            child.begin()
        for child in children:
            child.wait()
        events.stop()
        found = Counter((e.pid, e.result) for e in events)
        assert not any(events.losses)
    assert found == {(pid, "ECONNREFUSED"): HAMMERED for pid in pids}
    owners = [owner for slots in left for owner, _ in kernel.SLOT.iter_unpack(slots)]
    assert owners == [0, 0]
