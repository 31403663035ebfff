"""-d: which DNS answers are believed: those that the socket has asked for."""

from __future__ import annotations

import os
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import Child, attempt
from tests.support.containers import Looker, build
from tests.support.mounts import etc
from tests.support.network import inside
from tests.support.resolvers import (
    LOOPBACK,
    Server,
    family_of,
    framed,
    look_up,
    names_of,
    padded,
    query,
    receive,
    respond,
    serve,
)
from tests.support.system import sh
from tests.support.tool import Tool, told
from tests.support.waiting import TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.network import NetNs
    from tests.support.resolvers import Zone

pytestmark = pytest.mark.usefixtures("netns")

IPV4, NEXT = "127.1.2.3", "127.1.2.4"
NAME = "www.example"
FAR = {"10.1.0.1": "10.1.0.2", "fd00:1::1": "fd00:1::2"}
SIZE = 100
UDP_SEGMENT = 103  # include/uapi/linux/udp.h


def start(*options: object) -> Tool:
    """Trace what this process connects to port 7, with names from DNS."""
    return Tool("-p", os.getpid(), "-P", 7, "-dj", "--names", "dns", *options)


def answer(asked: bytes, address: str = IPV4) -> bytes:
    """Return an answer to a query: its address is this one."""
    return padded(asked, SIZE, address)


def udp(address: str, port: int = 0) -> socket.socket:
    """Return a socket that is bound, and waits for some time only."""
    made = socket.socket(family_of(address), socket.SOCK_DGRAM)
    made.settimeout(TIMEOUT_S)
    made.bind((address, port))
    return made


def send(client: socket.socket, asked: bytes, server: str, *, connected: bool) -> None:
    """Ask a server, from a socket that is then connected to it or not."""
    if connected:
        client.connect((server, 53))
        client.send(asked)
    else:
        client.sendto(asked, (server, 53))


@pytest.mark.parametrize("address", FAR)
def test_unasked_from_another_host(far: NetNs, address: str) -> None:
    """An unrequested packet from port 53 names nothing."""
    with inside(far):
        attacker = udp(FAR[address], 53)
    with start() as tool, udp(address) as open_socket, attacker:
        attacker.sendto(answer(query("evil.example")), open_socket.getsockname())
        assert len(open_socket.recv(SIZE)) == SIZE
        assert names_of(tool, [IPV4]) == [None]


def test_unasked_replaces_no_name(far: NetNs) -> None:
    """Nor does it replace the name that an address has."""
    with inside(far):
        attacker = udp("10.1.0.2", 53)
    with serve({f"{NAME}.": [IPV4]}), start() as tool, attacker:
        assert look_up(NAME) == {IPV4}
        with udp("10.1.0.1") as open_socket:
            attacker.sendto(answer(query("evil.example")), open_socket.getsockname())
            assert len(open_socket.recv(SIZE)) == SIZE
        assert names_of(tool, [IPV4]) == [NAME]


def test_unasked_of_an_unprivileged_user() -> None:
    """So in a network namespace that any user makes, in which port 53 is the user's."""
    code = f"""
import socket
receiver, sender = (socket.socket(type=socket.SOCK_DGRAM) for _ in range(2))
receiver.bind(("127.0.0.1", 0))
sender.bind(("127.0.0.1", 53))
sender.sendto({answer(query("evil.example"))!r}, receiver.getsockname())
assert len(receiver.recv({SIZE})) == {SIZE}
"""
    up = 'ip link set lo up && exec python3 -c "$0"'
    user = "setpriv --reuid=65534 --regid=65534 --clear-groups unshare --user -r --net"
    with start() as tool:
        subprocess.run([*user.split(), "sh", "-c", up, code], check=True)
        assert names_of(tool, [IPV4]) == [None]


FORGERIES: dict[str, Callable[[bytes], bytes]] = {
    "ID": lambda asked: bytes([asked[0] ^ 1]) + asked[1:],
    "name": lambda asked: asked[:2] + query("evil.example")[2:],
    "longer name": lambda asked: asked[:2] + query(f"x.{NAME}")[2:],
    "type": lambda asked: asked[:2] + query(NAME, "AAAA")[2:],
    "class": lambda asked: asked[:-12] + b"\3" + asked[-11:],
}


@pytest.mark.parametrize("connected", [False, True])
@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_forged(forge: Callable[[bytes], bytes], *, connected: bool) -> None:
    """An answer to another question, or with another ID, names nothing.

    The true answer, which comes later, does.
    """
    asked = query(NAME)
    with start() as tool, udp(LOOPBACK, 53) as server, udp("127.0.0.1") as client:
        send(client, asked, LOOPBACK, connected=connected)
        for message, address in ((forge(asked), IPV4), (asked, NEXT)):
            server.sendto(answer(message, address), client.getsockname())
            assert client.recv(SIZE)
        assert names_of(tool, [IPV4, NEXT]) == [None, NAME]


SERVERS = {
    LOOPBACK: "127.0.0.54",
    "fd00:d::53": "fd00:d::54",
    "::ffff:127.0.0.53": "::ffff:127.0.0.54",
}


@pytest.mark.parametrize("address", SERVERS)
def test_wrong_server(netns: NetNs, address: str) -> None:
    """An unconnected socket receives any packet: only its server counts.

    So it is for an IPv6 socket that asks an IPv4 server.
    """
    for own in ("fd00:d::53", "fd00:d::54"):
        netns.ip(f"addr add {own}/128 dev lo nodad")
    asked = query(NAME)
    any_address = "::" if ":" in address else ""
    with (
        start() as tool,
        udp(address, 53) as server,
        udp(SERVERS[address], 53) as other,
        udp(any_address) as client,
    ):
        client.sendto(asked, (address, 53))
        _, who = server.recvfrom(SIZE)
        for sender, found in ((other, IPV4), (server, NEXT)):
            sender.sendto(answer(asked, found), who)
            assert client.recv(SIZE)
        assert names_of(tool, [IPV4, NEXT]) == [None, NAME]


def test_doubled_answer() -> None:
    """An answer that comes again is late: it is not read, and harms nothing."""
    asked = query(NAME)
    answers = [answer(asked), answer(asked, NEXT)]
    with (
        Server(lambda _: answers),
        start() as tool,
        udp("127.0.0.1") as client,
    ):
        client.sendto(asked, (LOOPBACK, 53))
        for _ in answers:
            assert client.recv(SIZE)
        assert names_of(tool, [IPV4, NEXT]) == [NAME, None]


def test_several_servers_asked() -> None:
    """Where one question is sent to several servers, as musl does, each counts."""
    asked = query(NAME)
    servers = {LOOPBACK: IPV4, "127.0.0.54": NEXT}
    with (
        Server(lambda wire: [answer(wire, IPV4)]),
        Server(lambda wire: [answer(wire, NEXT)], "127.0.0.54"),
        start() as tool,
        udp("") as client,
    ):
        for server in servers:
            client.sendto(asked, (server, 53))
        assert all(client.recv(SIZE) for _ in servers)
        assert names_of(tool, [*servers.values()]) == [NAME, NAME]


def test_one_question_after_the_other() -> None:
    """The same question may be asked again, with the same ID, from the same socket."""
    asked = query(NAME)
    found = iter([IPV4, NEXT])
    with (
        Server(lambda wire: [answer(wire, next(found))]),
        start() as tool,
        udp("127.0.0.1") as client,
    ):
        for _ in range(2):
            client.sendto(asked, (LOOPBACK, 53))
            assert client.recv(SIZE)
        assert names_of(tool, [IPV4, NEXT]) == [NAME, NAME]


def test_many_questions_of_one_socket() -> None:
    """A socket may have 112 questions without an answer, whatever their order."""
    asked = {f"127.1.3.{i}": query(f"n{i}.example") for i in range(112)}
    with start() as tool, udp(LOOPBACK, 53) as server, udp("127.0.0.1") as client:
        for question in asked.values():
            client.sendto(question, (LOOPBACK, 53))
        for address, question in reversed(asked.items()):
            server.sendto(answer(question, address), client.getsockname())
            assert client.recv(SIZE)
        expected = [f"n{i}.example" for i in range(112)]
        assert names_of(tool, list(asked)) == expected
        assert tool.stop() == 0
        assert told(tool, "DNS questions dropped") == 0


def test_more_questions_than_are_kept() -> None:
    """One more pushes out the oldest, which is counted."""
    asked = [query(f"n{i}.example") for i in range(113)]
    found = {IPV4: asked[0], NEXT: asked[-1]}
    with start() as tool, udp(LOOPBACK, 53) as server, udp("127.0.0.1") as client:
        for question in asked:
            client.sendto(question, (LOOPBACK, 53))
        for address, question in found.items():
            server.sendto(answer(question, address), client.getsockname())
            assert client.recv(SIZE)
        assert names_of(tool, [*found]) == [None, "n112.example"]
        assert tool.stop() == 0
        assert told(tool, "DNS questions dropped") == 1


def test_questions_of_others() -> None:
    """However many others ask, the question of a socket is not pushed out."""
    asked = query(NAME)
    flood = [query(f"n{i}.example") for i in range(2000)]
    with start() as tool, udp(LOOPBACK, 53) as server, udp("127.0.0.1") as client:
        client.sendto(asked, (LOOPBACK, 53))
        for _ in range(20):
            with udp("127.0.0.1") as other:
                for question in flood:
                    other.sendto(question, (LOOPBACK, 53))
        server.sendto(answer(asked), client.getsockname())
        assert client.recv(SIZE)
        assert names_of(tool, [IPV4]) == [NAME]


CASES = {
    "as sent": lambda wire: wire,
    "lower": lambda wire: wire.replace(b"WwW", b"www").replace(b"EXAMPLE", b"example"),
}


@pytest.mark.parametrize("change", CASES.values(), ids=CASES)
def test_random_case(change: Callable[[bytes], bytes]) -> None:
    """A name in random case comes back as it was sent, or in lower case."""
    with (
        Server(lambda wire: [answer(change(wire))]),
        start() as tool,
        udp("127.0.0.1") as client,
    ):
        client.sendto(query("WwW.EXAMPLE"), (LOOPBACK, 53))
        assert client.recv(SIZE)
        (name,) = names_of(tool, [IPV4])
        assert name is not None
        assert name.lower() == NAME


@pytest.mark.parametrize("labels", [[63, 63, 63, 61], [1] * 127, [5], [6], [7], [8]])
def test_names_of_all_lengths(labels: list[int]) -> None:
    """A name may have 255 bytes; one that differs in its last byte is another."""
    name = ".".join("a" * length for length in labels)
    other = f"{name[:-1]}b"
    asked = query(name)
    found = padded(asked, 400, NEXT)
    forged = padded(asked[:2] + query(other)[2:], 400, IPV4)
    with Server(lambda _: [forged, found]), start() as tool, udp("127.0.0.1") as client:
        client.sendto(asked, (LOOPBACK, 53))
        assert client.recv(400)
        assert client.recv(400)
        assert names_of(tool, [IPV4, NEXT]) == [None, name]


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


def learn(name: str) -> Callable[[], object]:
    """Return work: to get a name of IPV4, then to connect there."""

    def work() -> Iterator[None]:
        with serve({f"{name}.": [IPV4]}):
            assert look_up(name) == {IPV4}
        yield
        attempt(IPV4, 7)
        yield

    steps = work()
    return lambda: next(steps)


def test_two_processes() -> None:
    """Of two processes in one place each has the name that it asked for."""
    names = ["a.example", "b.example"]
    with Child(learn(names[0])) as first, Child(learn(names[1])) as second:
        pids = [first.pid, second.pid]
        options = ("-P", 7, "-dj", "--names", "dns")
        with Tool("-p", ",".join(map(str, pids)), *options) as tool:
            for child in (first, second, first, second):
                child.run()
            events = tool.events(2)
    assert [(event["pid"], event["query"]) for event in events] == [
        *zip(pids, names, strict=True)
    ]


def test_accepted_connection(far: NetNs) -> None:
    """What comes to a server of this machine from port 53 is no answer."""
    with (
        start() as tool,
        socket.create_server(("10.1.0.1", 80)) as listener,
    ):
        with inside(far):
            attacker = socket.create_connection(
                ("10.1.0.1", 80), TIMEOUT_S, ("10.1.0.2", 53)
            )
        with attacker, listener.accept()[0] as accepted:
            # What looks like a question is not ours, either.
            accepted.sendall(framed(query("evil.example")))
            assert receive(attacker)
            attacker.sendall(framed(answer(query("evil.example"))))
            assert len(receive(accepted)) == SIZE
        assert names_of(tool, [IPV4]) == [None]


@pytest.mark.parametrize("connected", [False, True])
def test_socket_of_another_cgroup(
    netns: NetNs, tmp_path: Path, *, connected: bool
) -> None:
    """Who sends by a socket of another cgroup may not be who asked.

    So it is where a daemon lets a packet go.
    """
    sh(f"mount -t cgroup2 none {tmp_path}")
    cgroup = tmp_path / f"names-{os.getpid()}"
    cgroup.mkdir()

    def prepare() -> None:
        netns.enter()
        sockets.append(udp("127.0.0.1"))
        if connected:
            sockets[0].connect((LOOPBACK, 53))
        (cgroup / "cgroup.procs").write_text("0")

    def work() -> None:
        if connected:
            sockets[0].send(query(NAME))
        else:
            sockets[0].sendto(query(NAME), (LOOPBACK, 53))
        assert sockets[0].recv(4096)
        attempt(IPV4, 7)

    sockets: list[socket.socket] = []
    try:
        with (
            serve({f"{NAME}.": [IPV4]}),
            Child(work, prepare) as child,
            Tool("-p", child.pid, "-P", 7, "-dj", "--names", "dns") as tool,
        ):
            child.run()
            (event,) = tool.events(1)
    finally:
        cgroup.rmdir()
        sh(f"umount {tmp_path}")
    assert (event["query"], event["query_scope"]) == (NAME, "netns")
