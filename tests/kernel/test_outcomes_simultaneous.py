"""Results of attempts that meet another one: SYN_SENT, then SYN_RECV."""

from __future__ import annotations

import socket
from operator import itemgetter
from typing import TYPE_CHECKING

from tests.support.peer import ACK, RST, SYN, Peer
from tests.support.sockets import HOLE, NEAR, Watch, begin, event, port

if TYPE_CHECKING:
    from tests.support.network import NetNs


def test_connect_to_itself_is_ok(netns: NetNs) -> None:
    """A socket can be its own peer; it goes through SYN_RECV."""
    itself = ("127.0.0.1", 4000)
    with Watch() as watch, socket.socket() as client:
        client.bind(itself)
        client.connect(itself)
        assert watch.outcomes() == [event(netns, itself, itself, "OK")]


def test_simultaneous_open_is_ok_for_both(netns: NetNs, far: NetNs) -> None:
    """Two SYNs that cross make one connection of two attempts.

    The two sockets see each other in a mirror: each connects to the other's port behind
    it, and no packet gets there before both have been sent.
    """
    with (
        Peer(far) as mirror,
        Watch() as watch,
        socket.socket() as one,
        socket.socket() as two,
    ):
        for client, ports in ((one, (4001, 4002)), (two, (4002, 4001))):
            client.bind((NEAR, ports[0]))
            begin(client, (HOLE[0], ports[1]))
        for flags in (SYN, SYN | ACK):
            for packet in [mirror.packet(flags), mirror.packet(flags)]:
                mirror.mirror(packet)
        for _ in range(2):
            mirror.mirror(mirror.packet(ACK))
        expected = [
            event(netns, (NEAR, 4001), (HOLE[0], 4002), "OK"),
            event(netns, (NEAR, 4002), (HOLE[0], 4001), "OK"),
        ]
        outcomes = watch.outcomes(2)
        assert sorted(outcomes, key=itemgetter("lport")) == expected


def test_reset_in_simultaneous_open(netns: NetNs, far: NetNs) -> None:
    """A peer that resets when half of it is done: ECONNRESET."""
    with Peer(far) as peer, Watch() as watch, socket.socket() as client:
        begin(client, HOLE)
        expected = event(netns, (NEAR, port(client)), HOLE, "ECONNRESET")
        peer.answer(peer.packet(SYN), SYN, 1000)
        peer.answer(peer.packet(SYN | ACK), RST, 1001)
        assert watch.outcomes() == [expected]


def test_close_in_simultaneous_open(netns: NetNs, far: NetNs) -> None:
    """A program that closes its socket when half of it is done has given up."""
    with Peer(far) as peer, Watch() as watch:
        with socket.socket() as client:
            begin(client, HOLE)
            expected = event(netns, (NEAR, port(client)), HOLE, "ABORTED")
            peer.answer(peer.packet(SYN), SYN, 1000)
            peer.packet(SYN | ACK)
        assert watch.outcomes() == [expected]
