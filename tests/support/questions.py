"""Questions to DNS servers, their answers and forgeries of them."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from tests.support.resolvers import (
    family_of,
    padded,
    query,
)
from tests.support.tool import Tool
from tests.support.waiting import TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Callable


IPV4, NEXT = "127.1.2.3", "127.1.2.4"
NAME = "www.example"
FAR = {"10.1.0.1": "10.1.0.2", "fd00:1::1": "fd00:1::2"}
SIZE = 100


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


FORGERIES: dict[str, Callable[[bytes], bytes]] = {
    "ID": lambda asked: bytes([asked[0] ^ 1]) + asked[1:],
    "name": lambda asked: asked[:2] + query("evil.example")[2:],
    "longer name": lambda asked: asked[:2] + query(f"x.{NAME}")[2:],
    "type": lambda asked: asked[:2] + query(NAME, "AAAA")[2:],
    "class": lambda asked: asked[:-12] + b"\3" + asked[-11:],
}
