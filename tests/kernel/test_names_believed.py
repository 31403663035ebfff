"""-d: which DNS answers are believed: those that the socket has asked for."""

from __future__ import annotations

import os
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import Child, attempt
from tests.support.network import inside
from tests.support.questions import (
    FAR,
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
    framed,
    look_up,
    names_of,
    query,
    receive,
    serve,
)
from tests.support.system import sh
from tests.support.tool import Tool
from tests.support.waiting import TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.network import NetNs


pytestmark = pytest.mark.usefixtures("netns")


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
        sh(f"umount --lazy {tmp_path}")
    assert (event["query"], event["query_scope"]) == (NAME, "netns")
