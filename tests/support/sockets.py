"""What tests of outcomes share: the tool watching a process, and sockets to watch."""

from __future__ import annotations

import errno
import os
import signal
import socket
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.attempts import comm
from tests.support.system import libc
from tests.support.tool import Tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from tests.support.network import NetNs

# Networks behind the fixture `far`.
HOLE = ("10.2.0.1", 80)
HOLE6 = ("fd00:2::1", 80)
UNREACHABLE = ("10.3.0.1", 80)
NEAR, NEAR6 = "10.1.0.1", "fd00:1::1"

CLOSED = ("127.0.0.1", 9)  # a closed port, and port 9 is never chosen by the kernel
PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")  # of our namespace
GIVE_UP_MS = 300
CLOCK_SLACK_S = 0.01  # between readings of two clocks, by a process that may wait
TCP_SYN_SENT = 2


class Watch(Tool):
    """``tcpconnect -j`` of one process, this one unless ``pid`` is given.

    Without other options it gets ``-r``, which those that we give it imply.

    Times are of no use in a comparison: they are taken out of the events, and checked
    to lie in the time since tracing began.
    """

    def __init__(self, *options: object, pid: int = 0) -> None:
        super().__init__("-j", "-p", pid or os.getpid(), *(options or ("-r",)))
        self.latencies_ms: list[float] = []
        self._ready = time.time()

    def outcomes(
        self, count: int = 1, number: int = signal.SIGINT
    ) -> list[dict[str, Any]]:
        """Wait for ``count`` events, stop, and return all that there are."""
        return [self._timeless(made) for made in self.whole(count, number)]

    def _timeless(self, made: dict[str, Any]) -> dict[str, Any]:
        stamp, latency_ms = made.pop("time"), made.pop("latency_ms")
        asked = made.pop("asked"), made.pop("asked_port")
        assert asked == (made["daddr"], made["dport"])
        # Python has microseconds, and before 3.11 it reads no other number of digits.
        began = datetime.fromisoformat(stamp[:26] + "+00:00").timestamp()
        ended = began + latency_ms / 1000
        # A connect() that finds its port taken fails in less than a microsecond.
        assert self._ready - CLOCK_SLACK_S < began <= ended
        assert ended < time.time() + CLOCK_SLACK_S
        self.latencies_ms.append(latency_ms)
        return made


def event(
    netns: NetNs, source: tuple[Any, ...], target: tuple[Any, ...], result: str
) -> dict[str, Any]:
    """Return the event of an attempt that this thread makes, but for its times."""
    return {
        "pid": os.getpid(),
        "tid": threading.get_native_id(),
        "uid": 0,
        "comm": comm(),
        "ip": 6 if ":" in target[0] else 4,
        "saddr": source[0],
        "lport": source[1],
        "daddr": target[0],
        "dport": target[1],
        "netns": netns.inode,
        "result": result,
    }


def port(client: socket.socket) -> int:
    """Return a socket's own port, which it still has after a failed connect."""
    number: int = client.getsockname()[1]
    return number


def begin(client: socket.socket, target: tuple[str, int]) -> None:
    """Start a connect that is still open when this returns."""
    client.settimeout(0)
    try:
        client.connect(target)
    except BlockingIOError:
        return
    raise AssertionError(f"connected to {target} at once")


def give_up_soon(client: socket.socket, after_ms: int = GIVE_UP_MS) -> None:
    """Let the kernel end the attempt so long after it began, or soon after that."""
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, after_ms)


def disconnect(client: socket.socket) -> None:
    """Call connect() with AF_UNSPEC, which Python's sockets can't."""
    assert libc.connect(client.fileno(), bytes(16), 16) == 0


def is_connecting(client: socket.socket) -> bool:
    """Tell whether a socket is in SYN_SENT."""
    info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return info[0] == TCP_SYN_SENT


def until_connecting(client: socket.socket) -> None:
    """Wait until another thread has brought a socket into SYN_SENT."""
    wait_until(lambda: is_connecting(client), "SYN_SENT")


def mptcp_socket() -> socket.socket:
    """Return an MPTCP socket; where the kernel has none, the test is skipped."""
    try:
        return socket.socket(proto=socket.IPPROTO_MPTCP)
    except OSError as error:
        if error.errno not in {errno.EPROTONOSUPPORT, errno.ENOPROTOOPT}:
            raise
        pytest.skip("this kernel has no MPTCP")
