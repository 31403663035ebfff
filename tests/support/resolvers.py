"""Resolvers and those who ask them, for the tests of names."""

from __future__ import annotations

import os
import re
import select
import socket
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset

from tests.support.attempts import attempt
from tests.support.waiting import TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from typing_extensions import Self

    from tests.support.network import NetNs
    from tests.support.tool import Tool

LOOPBACK = "127.0.0.53"
DNSMASQ = (
    "dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --pid-file= "
    "--user=root --group= --bind-interfaces --edns-packet-max=4096"
).split()

UNREAD = re.compile(
    rb"^tcpconnect: in total, (\d+) DNS answers not read: "
    rb"they were malformed or truncated$",
    re.MULTILINE,
)

# The addresses that a name has, or the one name that it is an alias of. Names have a
# dot at their end.
Zone = dict[str, list[str]]


def own_address() -> str:
    """Return a loopback address that no other run of the tests names."""
    pid = os.getpid()
    return f"127.9.{pid // 250 % 250}.{1 + pid % 250}"


def family_of(address: str) -> socket.AddressFamily:
    """Return the family of an IP address."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def kind_of(address: str) -> str:
    """Return the type of the DNS record of an address, or CNAME for a name."""
    if ":" in address:
        return "AAAA"
    return "A" if address[0].isdigit() else "CNAME"


def respond(zone: Zone, wire: bytes) -> bytes:
    """Return the answer of a zone to a query."""
    query = dns.message.from_wire(wire)
    response = dns.message.make_response(query, our_payload=4096)
    response.flags |= dns.flags.RA
    (question,) = query.question
    name = question.name.to_text()
    entries = {entry.lower(): found for entry, found in zone.items()}
    kind = dns.rdatatype.to_text(question.rdtype)
    while name:
        found = [v for v in entries[name.lower()] if kind_of(v) in {kind, "CNAME"}]
        if found:
            found_kind = kind_of(found[0])
            rrset = dns.rrset.from_text_list(name, 0, "IN", found_kind, found)
            response.answer.append(rrset)
        name = found[0] if found and kind_of(found[0]) == "CNAME" else ""
    return response.to_wire(max_size=65535)


def padded(query: bytes, size: int, address: str, *, at_end: bool = True) -> bytes:
    """Return an answer of so many bytes: an IPv4 address before or behind a text."""
    question = query[12:-11]  # without the OPT record
    start = query[:2] + b"\x81\x80\0\1\0\2\0\0\0\0" + question
    found = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + socket.inet_aton(address)
    filler = size - len(start) - len(found) - 12
    text = b"\xc0\x0c\0\x10\0\1\0\0\0\0" + filler.to_bytes(2, "big")
    records = [found, text + bytes(filler)]
    return start + b"".join(reversed(records) if at_end else records)


def framed(message: bytes) -> bytes:
    """Return a message as TCP carries it (RFC 1035, 4.2.2)."""
    return len(message).to_bytes(2, "big") + message


def read(stream: socket.socket, size: int) -> bytes:
    """Return so many bytes of a TCP connection, fewer at its end."""
    data = b""
    while len(data) < size and (more := stream.recv(size - len(data))):
        data += more
    return data


def receive(stream: socket.socket) -> bytes:
    """Return the next message of a TCP connection, empty at its end."""
    return read(stream, int.from_bytes(read(stream, 2), "big"))


class Server:
    """A DNS server in a thread, over UDP or TCP, in the network namespace of its maker.

    ``answer`` turns a query into the datagrams, or the pieces of the stream, to send:
    each becomes a packet of its own.
    """

    def __init__(
        self,
        answer: Callable[[bytes], Iterable[bytes]],
        address: str = LOOPBACK,
        *,
        tcp: bool = False,
        port: int = 53,
    ) -> None:
        self._answer = answer
        kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
        self._socket = socket.socket(family_of(address), kind)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((address, port))
        self._over, self._stop = os.pipe()
        if tcp:
            self._socket.listen()
        serve = self._serve_tcp if tcp else self._serve_udp
        self._thread = threading.Thread(target=serve)
        self._thread.start()

    def _comes(self, sock: socket.socket) -> bool:
        """Wait for something to read; return False when it is time to stop."""
        sources = (sock.fileno(), self._over)
        return self._over not in select.select(sources, (), ())[0]

    def _serve_udp(self) -> None:
        while self._comes(self._socket):
            query, client = self._socket.recvfrom(65535)
            for datagram in self._answer(query):
                self._socket.sendto(datagram, client)

    def _serve_tcp(self) -> None:
        while self._comes(self._socket):
            stream, _ = self._socket.accept()
            with stream:
                stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while self._comes(stream) and (query := receive(stream)):
                    for piece in self._answer(query):
                        stream.sendall(piece)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._stop)
        self._thread.join()
        self._socket.close()
        os.close(self._over)


def serve(zone: Zone, address: str = LOOPBACK, *, tcp: bool = False) -> Server:
    """Return a server of a zone."""
    if tcp:
        return Server(lambda query: [framed(respond(zone, query))], address, tcp=True)
    return Server(lambda query: [respond(zone, query)], address)


@contextmanager
def dnsmasq(
    *options: str, address: str = LOOPBACK, within: NetNs | None = None
) -> Iterator[None]:
    """Run a dnsmasq with these options."""
    place = f"ip netns exec {within.name}".split() if within else []
    command = [*place, *DNSMASQ, f"--listen-address={address}", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        try:
            assert any(b" started" in line for line in process.stderr)
            yield
        finally:
            process.kill()


UNBOUND = """\
server:
  verbosity: 1
  use-syslog: no
  logfile: ""
  pidfile: ""
  chroot: ""
  username: ""
  directory: "{folder}"
  do-daemonize: no
  do-not-query-localhost: no
  module-config: iterator
  interface: {address}
{options}
"""


@contextmanager
def unbound(folder: Path, options: str, address: str = LOOPBACK) -> Iterator[None]:
    """Run an unbound with these lines in its configuration."""
    config = folder / "unbound.conf"
    config.write_text(UNBOUND.format(folder=folder, address=address, options=options))
    command = ["unbound", "-d", "-c", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        try:
            assert any(b" start of service" in line for line in process.stderr)
            yield
        finally:
            process.kill()


def ask(server: str, query: bytes) -> bytes:
    """Ask over UDP; return the first datagram that comes."""
    with socket.socket(family_of(server), socket.SOCK_DGRAM) as client:
        client.settimeout(TIMEOUT_S)
        client.connect((server, 53))
        client.send(query)
        return client.recv(65535)


def ask_tcp(server: str, query: bytes) -> bytes:
    """Ask over TCP; return the first message that comes."""
    with socket.create_connection((server, 53), TIMEOUT_S) as client:
        client.sendall(framed(query))
        return receive(client)


def query(name: str, kind: str = "A") -> bytes:
    """Return a query that takes answers of 4,096 bytes."""
    return dns.message.make_query(name, kind, use_edns=0, payload=4096).to_wire()


def look_up(
    name: str, kind: str = "A", server: str = LOOPBACK, *, tcp: bool = False
) -> set[str]:
    """Return the addresses of a name, as this process gets them."""
    way = ask_tcp if tcp else ask
    message = dns.message.from_wire(way(server, query(name, kind)))
    addresses = (r for r in message.answer if r.rdtype == dns.rdatatype.from_text(kind))
    return {item.to_text() for rrset in addresses for item in rrset}


def dig(name: str, *options: str, server: str = LOOPBACK) -> list[str]:
    """Return what dig finds: aliases too, in its own order."""
    command = ["dig", f"@{server}", name, "+short", "+tries=1", *options]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return result.stdout.split()


def names_of(
    tool: Tool, addresses: Sequence[str], shown: Sequence[str] = ()
) -> list[str | None]:
    """Connect to each address; return the names that the tool says they have.

    It must trace with -dj what this process connects to port 7.
    """
    seen = len(tool.all_events())
    for address in addresses:
        attempt(address, 7)
    events = tool.events(seen + len(addresses))[seen:]
    assert [event["daddr"] for event in events] == list(shown or addresses)
    return [event["query"] for event in events]


def unread(tool: Tool) -> int:
    """Stop the tool; return how many answers it says it could not read.

    They are counted for the whole machine, where other tests may run: bounds tell more
    than a number.
    """
    tool.stop()
    found = UNREAD.findall(tool.stderr)
    return int(found[0]) if found else 0
