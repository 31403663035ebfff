"""Why attempts fail: each word, made by what it stands for, and how many SYNs left."""

from __future__ import annotations

import errno
import os
import socket
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tcpconnect import trace
from tests.support.attempts import kernel_objects
from tests.support.explained import (
    FAR,
    FAR6,
    PORT,
    Explained,
    abort,
    connect,
    needs_drop_reasons,
    rejected,
    timed_out,
)
from tests.support.network import inside
from tests.support.sockets import (
    HOLE,
    HOLE6,
    PORT_RANGE,
    UNREACHABLE,
    begin,
    give_up_soon,
)
from tests.support.timers import TRIES, UNSEEN
from tests.support.tool import Tool, told

if TYPE_CHECKING:
    from tests.support.network import NetNs


@pytest.mark.parametrize("target", [FAR, FAR6])
@pytest.mark.usefixtures("netns", "far")
def test_rst(target: tuple[str, int]) -> None:
    """The port is closed: the other end says so."""
    with Explained() as tool:
        assert connect(target) == errno.ECONNREFUSED
        assert tool.shown() == [("ECONNREFUSED", "RST", None)]


@pytest.mark.usefixtures("netns", "far")
def test_icmp_of_a_router() -> None:
    """A router has no way to the destination."""
    seen = rejected(UNREACHABLE, errno.EHOSTUNREACH)
    assert seen == ("EHOSTUNREACH", "ICMP", FAR[0])


@needs_drop_reasons
def test_dropped(netns: NetNs, far: NetNs) -> None:
    """Answers come from where no route leads back: the kernel drops them."""
    target = ("10.5.0.1", PORT)
    far.ip("addr add 10.5.0.1/24 dev far")
    netns.ip("route add 10.5.0.0/24 dev lo")
    netns.ip("route add 10.5.0.0/24 via 10.1.0.2 table 99")
    netns.ip("rule add fwmark 1 lookup 99")
    netns.sysctl("net.ipv4.conf.all.rp_filter=1")
    with inside(far):
        listener = socket.create_server(target)

    def connect_marked() -> int:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 1)
            give_up_soon(client)
            return client.connect_ex(target)

    with listener:
        seen = timed_out(connect_marked)
    assert seen == ("ETIMEDOUT", "dropped: IP_RPFILTER", None)


@pytest.mark.parametrize("target", [HOLE, HOLE6])
@pytest.mark.usefixtures("netns", "far")
def test_no_answer(target: tuple[str, int]) -> None:
    """Nothing comes back, and nothing shows where it was lost."""
    assert timed_out(partial(connect, target)) == ("ETIMEDOUT", "no answer", None)


@pytest.mark.usefixtures("netns", "far")
def test_closed() -> None:
    """The program gave up first."""
    with Explained() as tool:
        abort(HOLE)
        assert tool.shown() == [("ABORTED", "closed", None)]


@pytest.mark.usefixtures("netns", "far")
def test_no_port() -> None:
    """Every local port is in use: no SYN was sent."""
    PORT_RANGE.write_text("40000 40000")
    with Explained() as tool, socket.socket() as first, socket.socket() as second:
        begin(first, HOLE)
        assert second.connect_ex(HOLE) == errno.EADDRNOTAVAIL
        first.close()
        shown = tool.shown(2)
    assert ("EADDRNOTAVAIL", "no port", None) in shown
    assert 0 in tool.syns


@pytest.mark.usefixtures("netns", "far")
def test_not_failed() -> None:
    """What has succeeded, or has not ended, has no reason."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        Explained() as tool,
        socket.socket() as waiting,
    ):
        assert connect(listener.getsockname()) == 0
        begin(waiting, HOLE)
        shown = tool.shown()
    assert shown == [("OK", None, None), ("PENDING", None, None)]
    assert tool.syns == [1, None]


@pytest.mark.usefixtures("netns")
def test_counts(far: NetNs) -> None:
    """With -c, how many took more than one SYN."""
    del far
    for _ in range(TRIES):
        with Tool("-c", "--why", "-j", "-p", os.getpid()) as tool:
            assert connect(FAR) == errno.ECONNREFUSED
            assert connect(HOLE) == errno.ETIMEDOUT
            assert connect(HOLE) == errno.ETIMEDOUT
            assert tool.stop() == 0
            resent = {made["daddr"]: made["resent"] for made in tool.all_events()}
            if not told(tool, UNSEEN):
                break
    assert resent == {FAR[0]: 0, HOLE[0]: 2}


@pytest.mark.usefixtures("netns", "far")
def test_from_python() -> None:
    """trace(why=True) sets the members."""
    with trace(pids=[os.getpid()], why=True) as events:
        connect(FAR)
        events.stop()
        (made,) = events
    assert (made.result, made.why, made.why_from, made.syns) == (
        "ECONNREFUSED",
        "RST",
        None,
        1,
    )


@needs_drop_reasons
def test_loads_nothing_without_it() -> None:
    """The program on all drops of the machine is there for --why only."""
    loaded = {}
    for option in ("--failed", "--why"):
        with Tool(option) as tool:
            loaded[option] = kernel_objects(tool.process.pid)["prog"]
    assert len(loaded["--why"]) == len(loaded["--failed"]) + 1
