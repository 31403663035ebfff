"""-d: answers behind NAT, as that of Docker's resolver."""

from __future__ import annotations

import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.containers import Looker, build
from tests.support.mounts import etc
from tests.support.questions import (
    FORGERIES,
    IPV4,
    NAME,
    NEXT,
    SIZE,
    answer,
    send,
    start,
    udp,
)
from tests.support.resolvers import (
    LOOPBACK,
    Server,
    names_of,
    query,
    respond,
)
from tests.support.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.network import NetNs
    from tests.support.resolvers import Zone


pytestmark = pytest.mark.usefixtures("netns")


UDP_SEGMENT = 103  # include/uapi/linux/udp.h


NAT = """
table ip nat {
	chain output {
		type nat hook output priority -100
		ip daddr 127.0.0.11 udp dport 53 dnat to 127.0.0.12:5353
		ip daddr 127.0.0.10 udp dport 53 dnat to 127.0.0.12:53
	}
}
table ip6 nat6 {
	chain output {
		type nat hook output priority -100
		ip6 daddr fd00:d::11 udp dport 53 dnat to [fd00:d::12]:5353
	}
}
"""
# Whom a program asks, who answers, and at which port.
NATS = {
    "Docker": ("127.0.0.11", "127.0.0.12", 5353),
    "service": ("127.0.0.10", "127.0.0.12", 53),
    "mapped": ("::ffff:127.0.0.11", "127.0.0.12", 5353),
    "IPv6": ("fd00:d::11", "fd00:d::12", 5353),
}


@pytest.fixture
def nat(netns: NetNs) -> None:
    """The translation of Docker's resolver, and of a Kubernetes service."""
    for own in ("fd00:d::11", "fd00:d::12"):
        netns.ip(f"addr add {own}/128 dev lo nodad")
    if subprocess.run(["nft", "-f", "-"], input=NAT, text=True, check=False).returncode:
        pytest.skip("this kernel has no NAT")


@pytest.mark.usefixtures("nat")
@pytest.mark.parametrize("connected", [False, True])
@pytest.mark.parametrize(("asked", "answering", "port"), NATS.values(), ids=NATS)
def test_behind_nat(asked: str, answering: str, port: int, *, connected: bool) -> None:
    """What leaves has another address and port than the program named."""
    with (
        Server(lambda wire: [answer(wire)], answering, port=port),
        start() as tool,
        udp("::" if ":" in asked else "") as client,
    ):
        send(client, query(NAME), asked, connected=connected)
        assert client.recv(SIZE)
        assert names_of(tool, [IPV4]) == [NAME]


@pytest.mark.usefixtures("nat")
@pytest.mark.parametrize(
    "forge", [FORGERIES["ID"], FORGERIES["name"]], ids=["ID", "name"]
)
def test_forged_behind_nat(forge: Callable[[bytes], bytes]) -> None:
    """There, too, an answer with another ID, or to another question, names nothing."""
    asked = query(NAME)
    with start() as tool, udp("127.0.0.12", 5353) as server, udp("127.0.0.1") as client:
        client.sendto(asked, ("127.0.0.11", 53))
        _, who = server.recvfrom(SIZE)
        for message, address in ((forge(asked), IPV4), (asked, NEXT)):
            server.sendto(answer(message, address), who)
            assert client.recv(SIZE)
        assert names_of(tool, [IPV4, NEXT]) == [None, NAME]


@pytest.mark.usefixtures("nat")
def test_payload_apart_from_its_headers() -> None:
    """A socket that lets the kernel cut what it sends has its payload in other pages.

    Linux commit bec1f6f69736 ("udp: generate gso with UDP_SEGMENT"), v4.18.
    """
    with (
        Server(lambda wire: [answer(wire)], "127.0.0.12", port=5353),
        start() as tool,
        udp("127.0.0.1") as client,
    ):
        client.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1000)
        client.sendto(query(NAME), ("127.0.0.11", 53))
        assert client.recv(SIZE)
        assert names_of(tool, [IPV4]) == [NAME]


def test_question_to_another_port() -> None:
    """Where no NAT can have been, what is sent to another port is no question."""
    asked = query(NAME)
    with (
        start() as tool,
        udp(LOOPBACK, 5353) as server,
        udp(LOOPBACK, 53) as other,
        udp("127.0.0.1") as client,
    ):
        client.sendto(asked, (LOOPBACK, 5353))
        _, who = server.recvfrom(SIZE)
        other.sendto(answer(asked), who)
        assert client.recv(SIZE)
        assert names_of(tool, [IPV4]) == [None]


@pytest.mark.usefixtures("nat")
@pytest.mark.parametrize("kind", ["glibc", "musl", "static"])
def test_looker_behind_nat(tmp_path: Path, kind: str) -> None:
    """So do C libraries ask Docker's resolver; musl's sockets are not connected."""
    program = build(tmp_path, kind)
    with (
        etc(tmp_path, server="127.0.0.11"),
        serve_at_port({f"{NAME}.": [IPV4]}),
        Looker(program, NAME) as looker,
        Tool("-p", looker.pid, "-P", 7, "-dj", "--names", "dns") as tool,
    ):
        looker.run()
        (event,) = tool.events(1)
    assert (event["daddr"], event["query"]) == (IPV4, NAME)


def serve_at_port(zone: Zone) -> Server:
    """Return a server where Docker's resolver listens."""
    return Server(lambda wire: [respond(zone, wire)], "127.0.0.12", port=5353)
