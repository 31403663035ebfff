"""Why attempts fail: each word, made by what it stands for, and how many SYNs left."""

from __future__ import annotations

import errno
import os
import select
import socket
import subprocess
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tcpconnect import trace
from tcpconnect.bpf.btf import enum_names
from tests.support.attempts import kernel_objects
from tests.support.network import inside
from tests.support.sockets import (
    HOLE,
    HOLE6,
    NEAR,
    PORT_RANGE,
    UNREACHABLE,
    begin,
    give_up_soon,
)
from tests.support.timers import TRIES, UNSEEN
from tests.support.tool import MISSING, Tool, told
from tests.support.waiting import TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.network import NetNs

PORT = 1001
FAR, FAR6 = ("10.1.0.2", PORT), ("fd00:1::2", PORT)
IPV6_RECVERR = 25  # include/uapi/linux/in6.h
# Long enough for a second SYN, at which a client that blocks believes an ICMP error.
SECOND_SYN_MS = 1500
needs_drop_reasons = pytest.mark.skipif(
    "SKB_DROP_REASON_NETFILTER_DROP" not in enum_names("skb_drop_reason").values(),
    reason="before Linux 5.18 the kernel has no reasons for drops",
)
EXPLAINED = ("result", "why", "why_from")


def rules(hook: str, target: tuple[str, int], rule: str) -> None:
    """Add a rule of nft(8) to this namespace, for the IP version of a target."""
    text = f"""\
    table {"ip6" if ":" in target[0] else "ip"} firewall {{
        chain {hook} {{
            type filter hook {hook} priority 0;
            {rule}
        }}
    }}
    """
    subprocess.run(["nft", "-f", "-"], check=True, input=text.encode())


def flush() -> None:
    """Remove all rules of this namespace."""
    subprocess.run(["nft", "flush", "ruleset"], check=True)


def connect(target: tuple[str, int], give_up_ms: int = 300) -> int:
    """Connect until the kernel gives up, and close; return the error."""
    family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
    with socket.socket(family) as client:
        give_up_soon(client, give_up_ms)
        return client.connect_ex(target)


def abort(target: tuple[str, int]) -> None:
    """Connect without waiting, and close."""
    with socket.socket() as client:
        begin(client, target)


class Explained(Tool):
    """The tool with --why, watching this process."""

    def __init__(self, *options: object) -> None:
        super().__init__("-j", "--why", "-p", os.getpid(), *options)

    def shown(self, count: int = 1) -> list[tuple[Any, ...]]:
        """Wait for events, stop, and return their explanations."""
        whole = self.whole(count)
        return [tuple(made[key] for key in EXPLAINED) for made in whole]

    @property
    def syns(self) -> list[int | None]:
        """How many SYNs were sent for each of the events."""
        return [made["syns"] for made in self.all_events()]


def timed_out(attempt: Callable[[], int]) -> tuple[Any, ...]:
    """Return why an attempt failed, which a timer ended: one whose end is seen."""
    for _ in range(TRIES):
        with Explained() as tool:
            assert attempt() == errno.ETIMEDOUT
            tool.events(1)
            assert tool.stop() == 0
            if not told(tool, UNSEEN):
                assert not MISSING.search(tool.stderr), tool.stderr
                (made,) = tool.all_events()
                return tuple(made[key] for key in EXPLAINED)
    raise AssertionError(f"the ends of {TRIES} attempts were not seen")


@pytest.mark.parametrize("target", [FAR, FAR6])
@pytest.mark.usefixtures("netns", "far")
def test_rst(target: tuple[str, int]) -> None:
    """The port is closed: the other end says so."""
    with Explained() as tool:
        assert connect(target) == errno.ECONNREFUSED
        assert tool.shown() == [("ECONNREFUSED", "RST", None)]


@pytest.mark.parametrize("target", [FAR, FAR6])
@pytest.mark.usefixtures("netns")
def test_rst_of_a_firewall(far: NetNs, target: tuple[str, int]) -> None:
    """A firewall that answers with RST can't be told from the host."""
    with inside(far):
        rules("input", target, f"tcp dport {PORT} reject with tcp reset")
    with Explained() as tool:
        assert connect(target) == errno.ECONNREFUSED
        assert tool.shown() == [("ECONNREFUSED", "RST", None)]


@pytest.mark.usefixtures("netns")
def test_icmp_of_the_other_end(far: NetNs) -> None:
    """A firewall rejects it; who that is stands in the error queue."""
    with inside(far):
        rules("input", FAR, f"tcp dport {PORT} reject")
    with Explained() as tool:
        assert connect(FAR, SECOND_SYN_MS) == errno.ECONNREFUSED
        assert tool.shown() == [("ECONNREFUSED", "ICMP", FAR[0])]


@pytest.mark.parametrize("asks", [False, True])
@pytest.mark.usefixtures("netns")
def test_icmp_ipv6(far: NetNs, *, asks: bool) -> None:
    """With IPv6 it is there only when the program asks the kernel to queue errors."""
    with inside(far):
        rules("input", FAR6, f"tcp dport {PORT} reject")
    with Explained() as tool, socket.socket(socket.AF_INET6) as client:
        client.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, asks)
        give_up_soon(client, SECOND_SYN_MS)
        assert client.connect_ex(FAR6) == errno.ECONNREFUSED
        sender = FAR6[0] if asks else None
        assert tool.shown() == [("ECONNREFUSED", "ICMP", sender)]


@pytest.mark.usefixtures("netns", "far")
def test_icmp_of_a_router() -> None:
    """A router has no way to the destination."""
    with Explained() as tool:
        assert connect(UNREACHABLE, SECOND_SYN_MS) == errno.EHOSTUNREACH
        assert tool.shown() == [("EHOSTUNREACH", "ICMP", FAR[0])]


@pytest.mark.usefixtures("netns", "far")
def test_icmp_of_our_own_firewall() -> None:
    """It comes from our own address."""
    rules("output", FAR, f"tcp dport {PORT} reject")
    with Explained() as tool:
        assert connect(FAR, SECOND_SYN_MS) == errno.ECONNREFUSED
        assert tool.shown() == [("ECONNREFUSED", "ICMP", NEAR)]


@pytest.mark.usefixtures("netns", "far")
def test_icmp_that_the_program_did_not_read() -> None:
    """Who closes without asking for the error has been rejected all the same."""
    rules("output", FAR, f"tcp dport {PORT} reject")
    with Explained() as tool:
        abort(FAR)
        assert tool.shown() == [("ABORTED", "ICMP", NEAR)]


@needs_drop_reasons
@pytest.mark.parametrize("target", [FAR, FAR6])
@pytest.mark.usefixtures("netns", "far")
def test_local_firewall_on_output(target: tuple[str, int]) -> None:
    """No SYN leaves."""
    rules("output", target, f"tcp dport {PORT} drop")
    assert timed_out(partial(connect, target)) == ("ETIMEDOUT", "local firewall", None)


@needs_drop_reasons
@pytest.mark.parametrize("target", [FAR, FAR6])
@pytest.mark.usefixtures("netns")
def test_local_firewall_on_the_way_back(far: NetNs, target: tuple[str, int]) -> None:
    """The SYN is answered, and our own firewall drops the answer."""
    rules("input", target, f"tcp sport {PORT} drop")
    with inside(far):
        listener = socket.create_server(
            ("", PORT), family=socket.AF_INET6, dualstack_ipv6=True
        )
    with listener:
        seen = timed_out(partial(connect, target))
    assert seen == ("ETIMEDOUT", "local firewall", None)


@needs_drop_reasons
@pytest.mark.parametrize("target", [FAR, FAR6])
@pytest.mark.usefixtures("netns")
def test_local_firewall_of_another_namespace(
    far: NetNs, target: tuple[str, int]
) -> None:
    """As a container's SYN that the machine does not forward."""
    with inside(far):
        rules("input", target, f"tcp dport {PORT} drop")
    assert timed_out(partial(connect, target)) == ("ETIMEDOUT", "local firewall", None)


@needs_drop_reasons
@pytest.mark.usefixtures("netns", "far")
def test_local_firewall_and_a_program_that_gives_up() -> None:
    """It is why nothing came."""
    rules("output", FAR, f"tcp dport {PORT} drop")
    with Explained() as tool:
        abort(FAR)
        assert tool.shown() == [("ABORTED", "local firewall", None)]


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
def test_ok_after_a_lost_syn(far: NetNs) -> None:
    """Why it took a second: the first SYN was lost."""
    rules("output", FAR, f"tcp dport {PORT} drop")
    with inside(far):
        listener = socket.create_server(FAR)
    with listener, Explained() as tool, socket.socket() as client:
        begin(client, FAR)
        flush()
        assert select.select((), (client,), (), TIMEOUT_S)[1]
        assert tool.shown() == [("OK", None, None)]
        assert tool.syns == [2]


@needs_drop_reasons
@pytest.mark.usefixtures("netns", "far")
def test_a_drop_is_of_one_attempt() -> None:
    """The same ports and addresses again: what was dropped before explains nothing."""
    PORT_RANGE.write_text("40000 40000")
    rules("output", HOLE, f"tcp dport {HOLE[1]} drop")
    with Explained() as tool:
        abort(HOLE)
        flush()
        abort(HOLE)
        whys = [why for _, why, *_ in tool.shown(2)]
    assert whys == ["local firewall", "closed"]


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
