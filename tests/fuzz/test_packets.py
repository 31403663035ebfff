"""Answers in real packets: what was not asked for names nothing, whatever comes."""

from __future__ import annotations

import ctypes
import errno
import itertools
import os
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tcpconnect import Settings, trace
from tests.support.material import mutated
from tests.support.records import message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from tcpconnect.tracer import Trace
    from tests.support.fuzzing import Fuzz

CLONE_NEWNET = 0x40000000
SERVER, OTHER = "127.0.0.53", "127.0.0.54"
PORT = 7077  # closed
NAMES = [f"n{i}.example" for i in range(20)]
PACKETS = 200  # of a case
CHECKED = 20  # of the addresses that they have
CLIENTS = 4
LATER = 4  # questions of a socket that may be answered late
GROWTH = 48 << 20
WARM = 100  # cases until all that is kept is full
TIMEOUT_S = 30.0
PAGE = os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def events() -> Iterator[Trace]:
    """A trace of what this process connects to PORT, in a network of its own."""
    if os.geteuid():
        pytest.skip("tracing needs root")
    libc = ctypes.CDLL(None)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    assert libc.unshare(CLONE_NEWNET) == 0
    try:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        names = Settings(dns=True, name_sources=["dns"], max_names=1000)
        with trace(names, pids=[os.getpid()], ports=[PORT]) as made:
            yield made
    finally:
        assert libc.setns(home, CLONE_NEWNET) == 0
        os.close(home)


def udp(address: str, port: int = 0) -> socket.socket:
    """Return a socket that is bound."""
    made = socket.socket(type=socket.SOCK_DGRAM)
    made.bind((address, port))
    return made


# Of addresses: none comes again before its name is forgotten.
NUMBERS = itertools.cycle(range(1, 1 << 16))


class Question(NamedTuple):
    """A question that a socket has sent: its answers are made from one of these."""

    client: socket.socket
    name: str
    id: bytes


class Exchange:
    """Clients, and servers that answer them well, badly, late, twice or unasked."""

    def __init__(self, random: Random, stack: ExitStack) -> None:
        self._random = random
        self._clients = [stack.enter_context(udp("127.0.0.1")) for _ in range(CLIENTS)]
        self._server, self._other = (
            stack.enter_context(udp(address, 53)) for address in (SERVER, OTHER)
        )
        for client in self._clients[::2]:
            client.connect((SERVER, 53))
        for client in self._clients:
            client.settimeout(TIMEOUT_S)
        self._open: list[Question] = []
        self.named: dict[str, str | None] = {}  # addresses, and what must be shown

    def _address(self, name: str | None) -> str:
        number = next(NUMBERS)
        address = f"10.77.{number >> 8}.{number & 0xFF}"
        self.named[address] = name
        return address

    def _ask(self) -> Question:
        asked = Question(
            self._random.choice(self._clients),
            self._random.choice(NAMES),
            self._random.randbytes(2),
        )
        wire = asked.id + message(asked.name, "0.0.0.0")[2:]  # noqa: S104
        question = bytearray(wire[: 12 + len(asked.name) + 2 + 4])
        question[2:12] = b"\1\0\0\1\0\0\0\0\0\0"
        asked.client.sendto(question, (SERVER, 53))
        return asked

    def _send(
        self, asked: Question, name: str, address: str, sender: socket.socket
    ) -> None:
        wire = asked.id + message(name, address)[2:]
        sender.sendto(wire, asked.client.getsockname())
        self._arrived(asked.client, sender)

    def _arrived(self, client: socket.socket, sender: socket.socket) -> None:
        """Wait for a packet: on a busy machine the next one may overtake it.

        A connected client gets those of its server only.
        """
        if sender is self._server or client not in self._clients[::2]:
            client.recv(2048)

    def good(self) -> None:
        """Ask, and be answered."""
        asked = self._ask()
        self._send(asked, asked.name, self._address(asked.name), self._server)

    def late(self) -> None:
        """Answer a question of before, in whatever order."""
        self._open.append(self._ask())
        if len(self._open) > LATER:
            asked = self._open.pop(self._random.randrange(LATER))
            self._send(asked, asked.name, self._address(asked.name), self._server)

    def doubled(self) -> None:
        """Answer twice: the second answer is one too many."""
        asked = self._ask()
        for name in (asked.name, None):
            self._send(asked, asked.name, self._address(name), self._server)

    def unasked(self) -> None:
        """Send an unrequested answer, with or without a question of that socket."""
        client = self._random.choice(self._clients)
        asked = Question(client, "evil.example", self._random.randbytes(2))
        self._send(asked, asked.name, self._address(None), self._server)

    def wrong_id(self) -> None:
        """Answer with another ID."""
        asked = self._ask()
        wrong = asked._replace(id=bytes([asked.id[0] ^ 1, asked.id[1]]))
        self._send(wrong, asked.name, self._address(None), self._server)

    def wrong_name(self) -> None:
        """Answer another question."""
        asked = self._ask()
        self._send(asked, f"x.{asked.name}", self._address(None), self._server)

    def wrong_server(self) -> None:
        """Answer from a server that was not asked."""
        asked = self._ask()
        self._send(asked, asked.name, self._address(None), self._other)

    def broken(self) -> None:
        """Answer with anything."""
        asked = self._ask()
        good = asked.id + message(asked.name, "10.78.0.1")[2:]
        wire = mutated(self._random, [good])[:1400]
        self._server.sendto(wire, asked.client.getsockname())
        self._arrived(asked.client, self._server)

    def split(self) -> None:
        """Answer over TCP, in pieces."""
        name = self._random.choice(NAMES)
        wire = message(name, self._address(name))
        stream = len(wire).to_bytes(2, "big") + wire
        cut = self._random.randrange(1, len(stream))
        self._over_tcp((SERVER, 53), ("127.0.0.1", 0), stream, cut)

    def accepted(self) -> None:
        """Be connected to from port 53, and get an unrequested answer."""
        wire = message("evil.example", self._address(None))
        stream = len(wire).to_bytes(2, "big") + wire
        self._over_tcp((SERVER, 8053), (OTHER, 53), stream, len(stream))

    def _over_tcp(
        self,
        server: tuple[str, int],
        client: tuple[str, int],
        stream: bytes,
        cut: int,
    ) -> None:
        with (
            socket.create_server(server) as listener,
            socket.socket() as other,
        ):
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(client)
            other.connect(server)
            with listener.accept()[0] as accepted:
                sender, receiver = accepted, other
                if client[1] == 53:
                    sender, receiver = other, accepted
                sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for piece in filter(None, (stream[:cut], stream[cut:])):
                    sender.sendall(piece)
                assert receiver.recv(len(stream), socket.MSG_WAITALL) == stream
                # Who closes first waits; a reset leaves the port free.
                for end in (sender, receiver):
                    linger = b"\1\0\0\0\0\0\0\0"
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def run(self) -> None:
        """Do all of it, in whatever order."""
        weights = {
            **dict.fromkeys((self.good, self.late, self.doubled, self.unasked), 20),
            **dict.fromkeys((self.wrong_id, self.wrong_name, self.wrong_server), 20),
            self.broken: 20,
            **dict.fromkeys((self.split, self.accepted), 1),
        }
        kinds: list[Callable[[], None]] = [*weights]
        for act in self._random.choices(kinds, [*weights.values()], k=PACKETS):
            act()


def lost(events: Trace) -> int:
    """Return how much was lost; others, too, may fill the ring of this machine."""
    return sum(lost for name, lost in events.losses.items() if name != "unread")


def shown(events: Trace, addresses: list[str]) -> dict[str, str | None]:
    """Connect to a closed port of each address; return this process's names.

    Others on this machine may have names for these addresses, too. What was lost is
    missing; then what comes late is read, and left out, by the next call.
    """
    before, end = lost(events), time.monotonic() + TIMEOUT_S
    for address in addresses:
        with socket.socket() as client:
            assert client.connect_ex((address, PORT)) == errno.ECONNREFUSED
    found: dict[str, str | None] = {}
    for batch in events.batches():
        for event in batch.events:
            if event.daddr not in addresses:
                continue
            own = event.query_scope == "process"
            found[event.daddr] = event.query if own else None
        if len(found) == len(addresses) or lost(events) != before:
            break
        assert time.monotonic() < end, f"{len(found)} of {len(addresses)} came"
    return found


def resident() -> int:
    """Return how many bytes of memory this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def test_packets(fuzz: Fuzz, events: Trace) -> None:
    """An address has the name of its answer when that was asked for, else none."""
    subprocess.run("ip route add local 10.77.0.0/16 dev lo".split(), check=True)
    cases, before = 0, 0

    def case(random: Random) -> None:
        nonlocal cases, before
        lost_before = lost(events)
        with ExitStack() as stack:
            exchange = Exchange(random, stack)
            exchange.run()
            chosen = random.sample(sorted(exchange.named), CHECKED)
            expected = {address: exchange.named[address] for address in chosen}
            assert shown(events, chosen) == expected or lost(events) != lost_before
        cases += 1
        if cases == WARM:
            before = resident()
        assert not before or resident() - before < GROWTH

    fuzz(case)
