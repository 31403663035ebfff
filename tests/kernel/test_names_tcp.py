"""-d: names from DNS answers over TCP."""

from __future__ import annotations

import os
import socket
import struct
from typing import TYPE_CHECKING

import pytest

from tests.support.launch import EMULATED
from tests.support.network import inside
from tests.support.resolvers import (
    LOOPBACK,
    Server,
    dig,
    dnsmasq,
    framed,
    look_up,
    names_of,
    padded,
    query,
    read,
    receive,
    serve,
    unread,
)
from tests.support.tool import Tool
from tests.support.waiting import TIMEOUT_S

if TYPE_CHECKING:
    from tests.support.network import NetNs

pytestmark = pytest.mark.usefixtures("netns")

IPV4, IPV6, NEXT = "127.1.2.3", "fd00:d::1", "127.1.2.4"
DATA_SEGMENTS = 152  # offset of tcpi_data_segs_in in struct tcp_info


def start(*options: object) -> Tool:
    """Trace what this process connects to port 7, with names from DNS."""
    return Tool("-p", os.getpid(), "-P", 7, "-dj", "--names", "dns", *options)


def check_segments(client: socket.socket, made: int) -> None:
    """Check in how many segments with data a connection has got what it has.

    Emulated, an acknowledgement may take so long that TCP sends one again.
    """
    info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    (count,) = struct.unpack_from("I", info, DATA_SEGMENTS)
    assert count == made or (EMULATED and made < count <= 2 * made)


def exchange(messages: int, made: int, server: str = LOOPBACK) -> None:
    """Ask, and take so many messages, which came in so many segments."""
    with socket.create_connection((server, 53), TIMEOUT_S) as client:
        client.sendall(framed(query("www.example")))
        for _ in range(messages):
            assert receive(client)
        check_segments(client, made)


def answer(name: str = "www.example", address: str = IPV4, size: int = 200) -> bytes:
    """Return an answer as TCP carries it."""
    return framed(padded(query(name), size, address))


@pytest.mark.parametrize("kind", ["A", "AAAA"])
@pytest.mark.parametrize("server", [LOOPBACK, "::1"])
def test_answer_of_dnsmasq_to_dig(netns: NetNs, server: str, kind: str) -> None:
    """Answers have names over IPv4 and IPv6."""
    netns.ip(f"addr add {IPV6}/128 dev lo nodad")
    address = {"A": IPV4, "AAAA": IPV6}[kind]
    record = f"--host-record=www.example,{IPV4},{IPV6}"
    with dnsmasq(record, address=server), start() as tool:
        assert dig("www.example", kind, "+tcp", server=server) == [address]
        assert names_of(tool, [address]) == ["www.example"]


def cut_at(*places: int) -> list[bytes]:
    """Return the pieces of an answer."""
    whole = answer()
    ends = [*places, len(whole)]
    return [whole[a:b] for a, b in zip([0, *places], ends, strict=True)]


SPLITS = {
    "whole": cut_at(),
    "length apart": cut_at(2),
    "length in two": cut_at(1),
    "in the header": cut_at(8),
    "in the name": cut_at(17, 20),
    "in the address": cut_at(200),
    "first bytes": cut_at(*range(1, 9)),
}


@pytest.mark.parametrize("pieces", SPLITS.values(), ids=SPLITS)
def test_split_answer(pieces: list[bytes]) -> None:
    """An answer is put together, however it is split over segments."""
    with Server(lambda _: pieces, tcp=True), start() as tool:
        exchange(1, len(pieces))
        assert names_of(tool, [IPV4]) == ["www.example"]


def test_answers_in_one_segment() -> None:
    """Of several answers in one segment each is read."""
    names = {f"127.1.2.{i}": f"n{i}.example" for i in range(1, 6)}
    piece = b"".join(answer(name, address) for address, name in names.items())
    with Server(lambda _: [piece], tcp=True), start() as tool:
        exchange(len(names), 1)
        assert names_of(tool, list(names)) == list(names.values())


def test_answers_across_segments() -> None:
    """A segment may have the end of one answer and the start of the next."""
    names = {f"127.1.2.{i}": f"n{i}.example" for i in range(1, 6)}
    stream = b"".join(answer(name, address) for address, name in names.items())
    pieces = [stream[i : i + 150] for i in range(0, len(stream), 150)]
    with Server(lambda _: pieces, tcp=True), start() as tool:
        exchange(len(names), len(pieces))
        assert names_of(tool, list(names)) == list(names.values())


def test_queries_on_one_connection() -> None:
    """A connection may be used again and again."""
    zone = {f"n{i}.example.": [f"127.1.2.{i}"] for i in range(1, 4)}
    with (
        serve(zone, tcp=True),
        start() as tool,
        socket.create_connection((LOOPBACK, 53), TIMEOUT_S) as client,
    ):
        for i in range(1, 4):
            client.sendall(framed(query(f"n{i}.example")))
            receive(client)
            assert names_of(tool, [f"127.1.2.{i}"]) == [f"n{i}.example"]


@pytest.mark.parametrize("kind", ["A", "AAAA"])
def test_sixty_records(netns: NetNs, kind: str) -> None:
    """All addresses of a large answer have the name."""
    netns.ip("route add local fd00:d::/64 dev lo")
    start_of = {"A": "127.1.2.", "AAAA": "fd00:d::"}[kind]
    addresses = [f"{start_of}{i}" for i in range(1, 61)]
    with serve({"many.example.": addresses}, tcp=True), start() as tool:
        assert look_up("many.example", kind, tcp=True) == set(addresses)
        assert names_of(tool, addresses) == ["many.example"] * 60


def test_answer_over_the_wire(far: NetNs) -> None:
    """An answer larger than a packet of the link is put together."""
    with inside(far):
        server = Server(lambda _: [answer(size=4096)], "10.1.0.2", tcp=True)
    with server, start() as tool:
        exchange(1, 3, "10.1.0.2")
        assert names_of(tool, [IPV4]) == ["www.example"]


@pytest.mark.parametrize("sizes", [[10_000], [6000, 100, 100]])
def test_cut_answer(sizes: list[int]) -> None:
    """What a segment holds beyond 4,352 bytes is not read, and is counted.

    Addresses before it, and the next answer of the connection, are read.
    """
    messages = [padded(query("www.example"), n, IPV4, at_end=False) for n in sizes]
    answers = iter([b"".join(map(framed, messages)), answer("next.example", NEXT)])
    with (
        Server(lambda _: [next(answers)], tcp=True),
        start() as tool,
        socket.create_connection((LOOPBACK, 53), TIMEOUT_S) as client,
    ):
        for count in (len(sizes), 1):
            client.sendall(framed(query("www.example")))
            assert all(receive(client) for _ in range(count))
        check_segments(client, 2)
        assert names_of(tool, [IPV4, NEXT]) == ["www.example", "next.example"]
        assert 1 <= unread(tool) < 20


def test_malformed_answer() -> None:
    """What can't be read is counted, and the next answer is read."""
    broken = framed(b"\0\1\x81\x80\0\1\0\1\0\0\0\0")
    with Server(lambda _: [broken, answer()], tcp=True), start() as tool:
        exchange(2, 2)
        assert names_of(tool, [IPV4]) == ["www.example"]
        assert 1 <= unread(tool) < 20


def test_connection_that_breaks_off() -> None:
    """The beginning of an answer is nothing to the next connection."""
    pieces = iter([[answer()[:100]], [answer()]])
    with Server(lambda _: next(pieces), tcp=True), start() as tool:
        with socket.create_connection((LOOPBACK, 53), TIMEOUT_S) as client:
            client.sendall(framed(query("www.example")))
            assert len(read(client, 100)) == 100
        exchange(1, 1)
        assert names_of(tool, [IPV4]) == ["www.example"]
