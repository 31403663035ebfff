"""Attempts whose end no program saw: each is a line without a result, and counted."""

from __future__ import annotations

import os
import socket
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect import trace
from tcpconnect.batch import Losses
from tcpconnect.bpf.object import BpfObject
from tcpconnect.kernel import pending
from tests.support.attempts import attempt
from tests.support.sockets import CLOSED, HOLE, begin, disconnect
from tests.support.tool import Tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tcpconnect.connection import Connection
    from tcpconnect.tracer import Trace

    Blind = Callable[[], Any]

pytestmark = pytest.mark.usefixtures("netns", "far")

MANY = 8
STATE_S = 0.01  # STATE_NS of pending.bpf.h: how old an attempt is that may be swept
SWEPT = pytest.mark.parametrize("swept", [False, True], ids=["again", "stop"])
BITS = pytest.mark.parametrize("bits", [1, pending.SLOT_BITS], ids=["map", "slots"])


@pytest.fixture(autouse=True)
def _one_cpu() -> Iterator[None]:
    """Stay on a CPU: each gives addresses again that were given back there."""
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cpus)})
    yield
    os.sched_setaffinity(0, cpus)


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch, objects_stay: None) -> Blind:
    """Return a context in which what sees ends in the newest trace is not attached."""
    del objects_stay
    attached: list[tuple[BpfObject, Callable[..., None], str, int]] = []
    for method in ("attach", "attach_perf"):
        attach = getattr(BpfObject, method)

        def recorded(bpf: BpfObject, name: str, attach: Any = attach) -> None:
            attach(bpf, name)
            if name.startswith("attempt_"):
                attached.append((bpf, attach, name, bpf._links[-1]))  # noqa: SLF001

        monkeypatch.setattr(BpfObject, method, recorded)

    @contextmanager
    def context() -> Iterator[None]:
        for bpf, _, _, link in attached:
            bpf._links.remove(link)  # noqa: SLF001
            bpf.library.bpf_link__destroy(link)
        yield
        for bpf, attach, name, _ in attached:
            attach(bpf, name)

    return context


def begin_all(count: int = MANY) -> list[socket.socket]:
    """Begin attempts that get no answer."""
    clients = [socket.socket() for _ in range(count)]
    for client in clients:
        begin(client, HOLE)
    return clients


def close_all(clients: list[socket.socket]) -> None:
    """Give the attempts up."""
    for client in clients:
        client.close()


def end_unseen(blind: Blind, clients: list[socket.socket]) -> None:
    """End attempts while no program sees it, and give their addresses back.

    Not before programs see again: any process may get an address, and an attempt that
    begins unseen and ends seen would be taken for the old one.
    """
    with blind():
        for client in clients:
            disconnect(client)
    close_all(clients)


def age() -> None:
    """Wait until what has begun before is old enough to be swept, and for slower_ms=1.

    Before it ends: from then on any process may get its address, and show its age.
    """
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began > 2 * STATE_S, "their age")


def ends(events: list[Connection]) -> Counter[tuple[int | None, str | None, bool]]:
    """Return port, result and whether there is a latency, of each event."""
    return Counter((e.dport, e.result, e.latency_ms is not None) for e in events)


def kept(events: Trace) -> Iterator[bytes]:
    """Yield what the kernel has of attempts that have not ended, or so it seems."""
    return pending.kept(events._attempts._bpf)  # noqa: SLF001


def reuse_until(condition: Callable[[], bool]) -> int:
    """Connect, each time with another socket; return how many attempts that took.

    The kernel gives addresses again at once.
    """
    others: list[socket.socket] = []

    def met() -> bool:
        others.append(socket.socket())
        others[-1].connect_ex(CLOSED)
        return condition()

    some = range(100)
    wait_until(lambda: any(met() for _ in some), "the addresses of the sockets")
    close_all(others)
    return len(others)


def reuse(events: Trace, missed: int) -> int:
    """Connect until all ends are known to be missed; return how many attempts."""
    return reuse_until(lambda: events.losses.ends_missed == missed)


@BITS
def test_an_address_comes_again(
    bits: int, blind: Blind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is pending for the socket of a new attempt is shown, not overwritten."""
    monkeypatch.setattr(pending, "SLOT_BITS", bits)
    with trace(pids=[os.getpid()], result=True) as events:
        clients = begin_all()
        end_unseen(blind, clients)
        others = reuse(events, MANY)
        assert events.losses == Losses(ends_missed=MANY)
        events.stop()
        found = ends(list(events))
    assert found == {
        (HOLE[1], None, False): MANY,
        (CLOSED[1], "ECONNREFUSED", True): others,
    }


@pytest.mark.parametrize("filters", [{"ports": [80]}, {"to": [HOLE[0]]}, {"ip": 4}])
def test_an_address_comes_again_filtered(blind: Blind, filters: dict[str, Any]) -> None:
    """The end of an attempt that a filter excludes is not mistaken for the missed one.

    (IPv4 and IPv6 have sockets of different sizes, so that with ``ip`` it is wanted.)
    """
    with trace(pids=[os.getpid()], result=True, **filters) as events:
        clients = begin_all()
        end_unseen(blind, clients)
        reuse(events, MANY)
        events.stop()
        found = ends([event for event in events if event.dport == HOLE[1]])
    assert found == {(HOLE[1], None, False): MANY}


@BITS
def test_at_the_stop(bits: int, blind: Blind, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that has left SYN_SENT unseen has no result; others are PENDING."""
    monkeypatch.setattr(pending, "SLOT_BITS", bits)
    with trace(pids=[os.getpid()], result=True) as events:
        missed, others = begin_all(), begin_all(MANY + 1)
        age()
        end_unseen(blind, missed)
        events.stop()
        found = ends(list(events))
        assert events.losses == Losses(ends_missed=MANY)
        close_all(others)
    assert found == {
        (HOLE[1], None, False): MANY,
        (HOLE[1], "PENDING", True): MANY + 1,
    }


def test_a_socket_in_use(blind: Blind) -> None:
    """A socket that has connected elsewhere since has ended its first attempt."""
    with (
        socket.create_server(("10.1.0.1", 0)) as server,
        trace(pids=[os.getpid()], result=True) as events,
        socket.socket() as client,
    ):
        begin(client, HOLE)
        with blind():
            disconnect(client)
            client.settimeout(None)
            client.connect(server.getsockname())
        age()
        events.stop()
        assert ends(list(events)) == {(HOLE[1], None, False): 1}


@pytest.mark.parametrize("options", [{"failed": True}, {"lport": True}], ids=str)
def test_with_other_options(blind: Blind, options: dict[str, Any]) -> None:
    """--failed shows it: it may have failed."""
    with trace(pids=[os.getpid()], ports=[HOLE[1]], **options) as events:
        clients = begin_all(1)
        age()
        end_unseen(blind, clients)
        reuse(events, 1)
        events.stop()
        assert [event.result for event in events] == [None]
        assert events.losses == Losses(ends_missed=1)


@SWEPT
@pytest.mark.parametrize(
    ("slower_ms", "found"), [(1, MANY), (600_000, 0)], ids=["maybe", "never"]
)
@pytest.mark.parametrize("count", [False, True], ids=["", "c"])
def test_slower(
    blind: Blind, slower_ms: int, found: int, *, count: bool, swept: bool
) -> None:
    """--slower shows, and counts, those that may have taken so long."""
    with trace(
        pids=[os.getpid()], ports=[HOLE[1]], slower_ms=slower_ms, count=count
    ) as events:
        clients = begin_all()
        age()
        end_unseen(blind, clients)
        if not swept:
            reuse_until(lambda: not any(kept(events)))
        events.stop()
        assert [event.result for event in events] == [None] * found * (not count)
        if count:
            flows = [(f.connects, f.ok, f.failed) for f in events.flows()]
            assert flows == [(found, 0, 0)] * bool(found)
            assert not any(events.histogram())
        assert events.losses == Losses(ends_missed=found)


def test_an_address_comes_again_after_the_sweep(blind: Blind) -> None:
    """What begins before the programs are detached finds what has been counted."""
    with trace(pids=[os.getpid()], ports=[HOLE[1]], result=True) as events:
        clients = begin_all()
        age()
        end_unseen(blind, clients)
        events._attempts._bpf.run_attached()  # noqa: SLF001
        assert events.losses == Losses(ends_missed=MANY)
        reuse_until(lambda: not any(kept(events)))
        events.stop()
        assert ends(list(events)) == {(HOLE[1], None, False): MANY}
        assert events.losses == Losses(ends_missed=MANY)


@SWEPT
@pytest.mark.parametrize("options", [{}, {"failed": True}], ids=["c", "failed"])
def test_counted(blind: Blind, options: dict[str, Any], *, swept: bool) -> None:
    """With -c it is a connect that has no outcome."""
    with trace(
        pids=[os.getpid()], ports=[HOLE[1]], count=True, result=True, **options
    ) as events:
        clients = begin_all()
        age()
        end_unseen(blind, clients)
        if not swept:
            reuse(events, MANY)
        events.stop()
        assert list(events) == []
        (flow,) = events.flows()
        assert (flow.dport, flow.connects, flow.ok, flow.failed) == (80, MANY, 0, 0)
        assert events.losses == Losses(ends_missed=MANY)


def test_none_is_missed() -> None:
    """If all ends are seen, nothing is reported."""
    with Tool("-r", "-p", os.getpid()) as tool:
        clients = begin_all()
        attempt(*CLOSED)
        age()
        assert tool.stop() == 0
        close_all(clients)
    assert b"in total" not in tool.stderr
