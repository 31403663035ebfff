"""-d: names from DNS answers over UDP."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import Child, attempt
from tests.support.resolvers import (
    LOOPBACK,
    Server,
    Zone,
    ask,
    dig,
    dnsmasq,
    look_up,
    names_of,
    padded,
    query,
    serve,
    unbound,
    unread,
)
from tests.support.tool import Tool
from tests.support.waiting import TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.support.network import NetNs

pytestmark = pytest.mark.usefixtures("netns")

IPV4, IPV6, NEXT = "127.1.2.3", "fd00:d::1", "127.1.2.4"
UP = "127.0.0.60"  # the resolver that a resolver asks
FAR = {4: "10.1.0.2", 6: "fd00:1::2"}


def start(*options: object) -> Tool:
    """Trace what this process connects to port 7, with names from DNS."""
    return Tool("-p", os.getpid(), "-P", 7, "-dj", "--names", "dns", *options)


@pytest.mark.parametrize("kind", ["A", "AAAA"])
@pytest.mark.parametrize("server", ["127.0.0.1", LOOPBACK, "127.0.0.11", "::1"])
def test_answer_of_dnsmasq_to_dig(netns: NetNs, server: str, kind: str) -> None:
    """Answers have names over IPv4 and IPv6, from loopback resolvers too."""
    netns.ip(f"addr add {IPV6}/128 dev lo nodad")
    address = {"A": IPV4, "AAAA": IPV6}[kind]
    record = f"--host-record=www.example,{IPV4},{IPV6}"
    with dnsmasq(record, address=server), start() as tool:
        assert dig("www.example", kind, server=server) == [address]
        assert names_of(tool, [address]) == ["www.example"]


@pytest.mark.parametrize("version", FAR)
def test_fragmented_answer(
    netns: NetNs, far: NetNs, tmp_path: Path, version: int
) -> None:
    """An answer of nearly 4,096 bytes, in several fragments, is read to its end."""
    addresses = [f"fd00:d::{i:x}" for i in range(1, 141)]
    netns.ip("route add local fd00:d::/64 dev lo")
    hosts = tmp_path / "records"
    hosts.write_text("".join(f"{a} large.example\n" for a in addresses))
    server = FAR[version]
    options = (f"--addn-hosts={hosts}", f"--listen-address={server}")
    with dnsmasq(*options, address=server, within=far), start() as tool:
        found = dig("large.example", "AAAA", "+bufsize=4096", "+ignore", server=server)
        assert sorted(found) == sorted(addresses)
        ends = [found[0], found[-1]]
        assert names_of(tool, ends) == ["large.example"] * 2


@pytest.mark.parametrize("size", [512, 513, 4096, 4352])
def test_last_record_of_answer(size: int) -> None:
    """The address may be in the last bytes of an answer that large."""
    with Server(lambda asked: [padded(asked, size, IPV4)]), start() as tool:
        assert len(ask(LOOPBACK, query("end.example"))) == size
        assert names_of(tool, [IPV4]) == ["end.example"]


def test_alias() -> None:
    """The name asked for is shown, not the one that its aliases lead to."""
    zone = {
        "www.example.": ["cdn.example."],
        "cdn.example.": ["edge.example.net."],
        "edge.example.net.": [IPV4],
    }
    with serve(zone), start() as tool:
        assert look_up("www.example") == {IPV4}
        assert names_of(tool, [IPV4]) == ["www.example"]


def test_alias_of_dnsmasq() -> None:
    """The same from a real resolver to a real client."""
    record = f"--host-record=cdn.example,{IPV4}"
    with dnsmasq(record, "--cname=www.example,cdn.example"), start() as tool:
        assert dig("www.example") == ["cdn.example.", IPV4]
        assert names_of(tool, [IPV4]) == ["www.example"]


def test_services_of_dnsmasq() -> None:
    """Of an answer about a service, additional records name its targets."""
    service = "_ldap._tcp.corp.example"
    records = [
        *(f"--srv-host={service},dc{i}.corp.example,389" for i in (1, 2)),
        *(f"--host-record=dc{i}.corp.example,127.1.2.{i}" for i in (1, 2)),
    ]
    with dnsmasq(*records), start() as tool:
        assert len(dig(service, "SRV")) == 4 * 2
        found = names_of(tool, ["127.1.2.1", "127.1.2.2"])
    assert found == ["dc1.corp.example", "dc2.corp.example"]


def test_hints_of_unbound(netns: NetNs, tmp_path: Path) -> None:
    """The address hints of HTTPS are addresses of the name."""
    netns.ip(f"addr add {IPV6}/128 dev lo nodad")
    hints = f"ipv4hint={IPV4},{NEXT} ipv6hint={IPV6}"
    record = f"www.example. HTTPS 1 . alpn=h2 {hints}"
    options = f"  local-zone: example. static\n  local-data: '{record}'"
    with unbound(tmp_path, options), start() as tool:
        assert dig("www.example", "TYPE65")
        assert names_of(tool, [IPV4, NEXT, IPV6]) == ["www.example"] * 3


def test_forwarding_unbound(tmp_path: Path) -> None:
    """A resolver that asks in random case, and its clients, are believed: one name."""
    forward = f'forward-zone:\n  name: "."\n  forward-addr: {UP}'
    with (
        serve({"www.example.": [IPV4]}, UP),
        unbound(tmp_path, f"  use-caps-for-id: yes\n{forward}"),
        start() as tool,
    ):
        assert look_up("www.example") == {IPV4}
        assert names_of(tool, [IPV4]) == ["www.example"]


def forwarding(kind: str, address: str, folder: Path) -> AbstractContextManager[None]:
    """Run a resolver of this machine that asks the one at UP."""
    if kind == "dnsmasq":
        return dnsmasq(f"--server={UP}", address=address)
    options = f'forward-zone:\n  name: "."\n  forward-addr: {UP}'
    return unbound(folder, options, address)


@pytest.mark.parametrize("address", ["127.0.0.1", LOOPBACK])
@pytest.mark.parametrize("kind", ["dnsmasq", "unbound"])
def test_client_of_a_resolver(tmp_path: Path, kind: str, address: str) -> None:
    """What a client asked a resolver of this machine is its own; a stranger has `?`."""
    with (
        serve({"www.example.": [IPV4]}, UP),
        forwarding(kind, address, tmp_path),
        Child(lambda: attempt(IPV4, 7)) as stranger,
        Tool(
            *("-p", f"{os.getpid()},{stranger.pid}"), "-P", 7, "-d", "--names", "dns"
        ) as tool,
    ):
        assert look_up("www.example", server=address) == {IPV4}
        attempt(IPV4, 7)
        stranger.run()
        _, *lines = tool.lines(3)
    shown = {int(line.split()[0]): line.split()[6] for line in lines}
    assert shown == {os.getpid(): "www.example", stranger.pid: "www.example?"}


@pytest.mark.parametrize("count", [2, 60])
def test_several_answers(count: int) -> None:
    """Each address of an answer has its name."""
    addresses = [f"127.1.2.{i}" for i in range(1, count + 1)]
    with serve({"many.example.": addresses}), start() as tool:
        assert look_up("many.example") == set(addresses)
        assert names_of(tool, addresses) == ["many.example"] * count


def test_both_kinds(netns: NetNs) -> None:
    """A and AAAA answers of one name give their addresses the name."""
    netns.ip(f"addr add {IPV6}/128 dev lo nodad")
    with serve({"www.example.": [IPV4, IPV6]}), start() as tool:
        assert look_up("www.example", "A") == {IPV4}
        assert look_up("www.example", "AAAA") == {IPV6}
        assert names_of(tool, [IPV4, IPV6]) == ["www.example"] * 2


def test_mapped_address() -> None:
    """An IPv6 socket that connects to ::ffff:127.1.2.3 has the IPv4 address's name."""
    with serve({"www.example.": [IPV4]}), start() as tool:
        look_up("www.example")
        assert names_of(tool, [f"::ffff:{IPV4}"], shown=[IPV4]) == ["www.example"]


def test_no_answer() -> None:
    """An address that no answer had has no name, loopback addresses are localhost."""
    zone: Zone = {"none.example.": []}
    addresses = ["127.0.0.1", "::1", "127.9.9.9"]
    with serve(zone), start() as tool:
        assert look_up("none.example") == set()
        assert names_of(tool, addresses) == ["localhost", "localhost", None]


def test_answer_about_loopback() -> None:
    """127.0.0.1 is not localhost when an answer says otherwise."""
    with serve({"mine.example.": ["127.0.0.1"]}), start() as tool:
        look_up("mine.example")
        assert names_of(tool, ["127.0.0.1", "::1"]) == ["mine.example", "localhost"]


TIMES = 20
OWNER = b"\xc0\x0c\0"  # of a record, and the first byte of its type


def with_more(answer: bytes) -> bytes:
    """Return an answer that claims to have three records."""
    return answer[:6] + b"\0\3" + answer[8:]


MALFORMED: dict[str, Callable[[bytes], bytes]] = {
    "ends after its question": lambda asked: padded(asked, 100, IPV4)[:30],
    "record goes on": lambda asked: padded(asked, 100, IPV4)[:60],
    "more records": lambda asked: with_more(padded(asked, 100, IPV4)),
    "name goes on": lambda asked: padded(asked, 100, IPV4).replace(OWNER, b"\x3fab"),
    "cut": lambda asked: padded(asked, 5000, IPV4),
}


def ask_for_all(asked: bytes, count: int) -> list[bytes]:
    """Ask; return so many datagrams that come."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(TIMEOUT_S)
        client.connect((LOOPBACK, 53))
        client.send(asked)
        return [client.recv(65535) for _ in range(count)]


@pytest.mark.parametrize("malform", MALFORMED.values(), ids=MALFORMED)
def test_malformed_answer(malform: Callable[[bytes], bytes]) -> None:
    """What can't be read is counted, and the next answer is read."""
    good = padded(query("good.example"), 100, NEXT)

    def answer(asked: bytes) -> list[bytes]:
        return [asked[:2] + good[2:]] if b"good" in asked else [malform(asked)]

    with Server(answer), start() as tool:
        for name in [*["www.example"] * TIMES, "good.example"]:
            assert ask(LOOPBACK, query(name))
        assert names_of(tool, [NEXT]) == ["good.example"]
        assert TIMES <= unread(tool) < 2 * TIMES


def test_not_an_answer() -> None:
    """Queries, refusals and what is no DNS message, from port 53, are ignored."""
    zone = {"www.example.": [IPV4]}
    refused = query("www.example")[:2] + b"\x81\x05" + query("www.example")[4:]
    others = [query("www.example"), refused, b"", b"?", b"\xff" * 11]
    with Server(lambda _: others), serve(zone, "127.0.0.11"), start() as tool:
        for _ in range(TIMES):
            assert ask_for_all(query("www.example"), len(others)) == others
        look_up("www.example", server="127.0.0.11")
        assert names_of(tool, [IPV4]) == ["www.example"]
        assert unread(tool) < TIMES
