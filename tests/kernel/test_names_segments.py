"""-d: DNS answers over TCP whose segments do not come as they were sent."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from tests.support.resolvers import framed, names_of, padded, query, receive
from tests.support.segments import ADDRESS, SegmentServer
from tests.support.tool import Tool
from tests.support.waiting import TIMEOUT_S

if TYPE_CHECKING:
    from tests.support.network import NetNs
    from tests.support.segments import Segment


IPV4 = "127.1.2.3"
ANSWER = framed(padded(query("www.example"), 200, IPV4))


def part(start: int, end: int) -> Segment:
    """Return these bytes of the answer."""
    return start, ANSWER[start:end]


ORDERS = {
    "in order": [part(0, 100), part(100, 202)],
    "every byte": [part(i, i + 1) for i in range(202)],
    "two exchanged": [part(0, 50), part(100, 202), part(50, 100)],
    "backwards": [part(0, 50), part(150, 202), part(100, 150), part(50, 100)],
    "sent twice": [part(0, 100), part(0, 100), part(100, 202), part(100, 202)],
    "sent again, longer": [part(0, 50), part(0, 100), part(50, 202)],
    "sent again, shorter": [part(0, 20), part(100, 202), part(100, 120), part(20, 100)],
    "overlapping": [part(0, 120), part(90, 150), part(100, 202)],
    "begins out of order": [part(100, 202), part(0, 100)],
    "begins with the second byte": [part(1, 202), part(0, 1)],
}


@pytest.mark.parametrize("segments", ORDERS.values(), ids=ORDERS)
def test_segments(netns: NetNs, far: NetNs, segments: list[Segment]) -> None:
    """An answer is put together as the socket that gets it does."""
    with (
        SegmentServer(netns, far, lambda _: segments),
        Tool("-p", os.getpid(), "-P", 7, "-dj", "--names", "dns") as tool,
        socket.create_connection((ADDRESS, 53), TIMEOUT_S) as client,
    ):
        client.sendall(framed(query("www.example")))
        assert receive(client) == ANSWER[2:]
        assert names_of(tool, [IPV4]) == ["www.example"]
