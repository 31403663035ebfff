"""Why attempts fail that a firewall rejects or drops, ours or one on the way."""

from __future__ import annotations

import errno
import select
import socket
import subprocess
from functools import partial
from struct import unpack_from
from typing import TYPE_CHECKING

import pytest

from tests.support.explained import (
    FAR,
    FAR6,
    PORT,
    SECOND_SYN_MS,
    Explained,
    abort,
    connect,
    ended_by_timer,
    explanation,
    needs_drop_reasons,
    rejected,
    timed_out,
)
from tests.support.network import inside
from tests.support.sockets import HOLE, NEAR, PORT_RANGE, begin, give_up_soon
from tests.support.waiting import TIMEOUT_S

if TYPE_CHECKING:
    from tests.support.network import NetNs

IPV6_RECVERR = 25  # include/uapi/linux/in6.h


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
    seen = rejected(FAR, errno.ECONNREFUSED)
    assert seen == ("ECONNREFUSED", "ICMP", FAR[0])


@pytest.mark.parametrize("asks", [False, True])
@pytest.mark.usefixtures("netns")
def test_icmp_ipv6(far: NetNs, *, asks: bool) -> None:
    """With IPv6 it is there only when the program asks the kernel to queue errors."""
    with inside(far):
        rules("input", FAR6, f"tcp dport {PORT} reject")

    def connect_asking() -> int:
        with socket.socket(socket.AF_INET6) as client:
            client.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, asks)
            give_up_soon(client, SECOND_SYN_MS)
            return client.connect_ex(FAR6)

    seen = explanation(ended_by_timer(connect_asking, errno.ECONNREFUSED))
    assert seen == ("ECONNREFUSED", "ICMP", FAR6[0] if asks else None)


@pytest.mark.usefixtures("netns", "far")
def test_icmp_of_our_own_firewall() -> None:
    """It comes from our own address."""
    rules("output", FAR, f"tcp dport {PORT} reject")
    seen = rejected(FAR, errno.ECONNREFUSED)
    assert seen == ("ECONNREFUSED", "ICMP", NEAR)


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


def sent_again(client: socket.socket) -> int:
    """Return how many segments of a socket were sent again: tcpi_total_retrans."""
    info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    (segments,) = unpack_from("I", info, 100)
    return int(segments)


@pytest.mark.usefixtures("netns")
def test_ok_after_a_lost_syn(far: NetNs) -> None:
    """Why it took a second: the first SYN was lost."""
    with inside(far):
        listener = socket.create_server(FAR)

    def connect_late() -> int:
        rules("output", FAR, f"tcp dport {PORT} drop")
        with socket.socket() as client:
            begin(client, FAR)
            flush()
            assert select.select((), (client,), (), TIMEOUT_S)[1]
            sent.append(1 + sent_again(client))
            return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    sent: list[int] = []
    with listener:
        made = ended_by_timer(connect_late, 0)
    assert explanation(made) == ("OK", None, None)
    assert made["syns"] == sent[-1] >= 2


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
