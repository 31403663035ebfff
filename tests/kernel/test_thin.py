"""A connection that succeeds, whole."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from conftest import Tool

if TYPE_CHECKING:
    from conftest import NetNs


def test_connect_to_listener_is_ok(netns: NetNs) -> None:
    """Every member of the event is that of the socket and of the process."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Tool("-jr", "-p", os.getpid()) as tool,
        socket.create_connection(server.getsockname()) as client,
    ):
        (event,) = tool.events(1)
        expected = {
            "pid": os.getpid(),
            "tid": threading.get_native_id(),
            "uid": 0,
            "comm": Path("/proc/thread-self/comm").read_text().strip(),
            "ip": 4,
            "saddr": "127.0.0.1",
            "lport": client.getsockname()[1],
            "daddr": "127.0.0.1",
            "dport": server.getsockname()[1],
            "netns": netns.inode,
            "result": "OK",
        }
    del event["time"], event["latency_ms"]
    assert event == expected
