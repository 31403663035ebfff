"""Makes connections on loopback, in a network namespace of its own, and counts them."""

from __future__ import annotations

import ctypes
import fcntl
import itertools
import multiprocessing
import os
import signal
import socket
import struct
import time
from multiprocessing import connection
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from typing_extensions import Self

BURST = 20  # connects between two readings of the clock
BACKLOG = 4096
SYNS_BEFORE_RESET = BACKLOG - BURST

# Other connects on this machine, which the tool sees as well, don't go to our ports,
# nor those that do to our /24. The first port is closed; each worker listens on
# one of its own.
CLOSED_PORT = 20_000 + os.getpid() % 10_000
MAX_WORKERS = 256
PORTS = f"{CLOSED_PORT}-{CLOSED_PORT + MAX_WORKERS}"
UNUSED_PORT = CLOSED_PORT + MAX_WORKERS + 1
NETWORK = f"127.{64 + os.getpid() % 128}.{os.getpid() // 128 % 256}."
ADDRESSES = [f"{NETWORK}{host}" for host in range(1, 17)]

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
PR_SET_PDEATHSIG = 1
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends RST, no TIME_WAIT is left


class Order(NamedTuple):
    """A load: how many connects, and the share of them that find a listener (0 to 1).

    ``rate`` is in connects a second, 0 for as fast as possible. Whatever is left after
    ``seconds`` is not made.
    """

    connects: int
    share_ok: float = 0.5
    rate: float = 0.0
    seconds: float = 60.0


class Made(NamedTuple):
    """What was made: how many connects succeeded and failed, and at what price.

    ``wall_s`` is the time that passed, ``cpu_s`` the CPU time of the processes that
    connected: their own code, and all that the kernel did in their name.
    """

    ok: int = 0
    failed: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0

    @property
    def connects(self) -> int:
        """All attempts."""
        return self.ok + self.failed


def total(parts: Iterable[Made]) -> Made:
    """Add what workers made at the same time."""
    oks, faileds, walls, cpus = zip(*parts, strict=True)
    return Made(sum(oks), sum(faileds), max(walls), sum(cpus))


class Generator:
    """Worker processes that make connects when ordered to.

    The process that makes one moves into a new network namespace, and so do all that
    it starts later. Needs root; raises OSError without it.
    """

    def __init__(self, workers: int) -> None:
        _enter_namespace()
        fork = multiprocessing.get_context("fork")
        self._pipes: list[connection.Connection[Order | None, Made]] = []
        for number in range(workers):
            ours, theirs = fork.Pipe()
            worker = fork.Process(target=_serve, args=(number, theirs), daemon=True)
            worker.start()
            theirs.close()
            self._pipes.append(ours)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in self._pipes:
            pipe.send(None)

    def make(self, order: Order) -> Made:
        """Make the connects of an order, shared among the workers."""
        share = -(-order.connects // len(self._pipes))
        part = order._replace(connects=share, rate=order.rate / len(self._pipes))
        for pipe in self._pipes:
            pipe.send(part)
        return total([pipe.recv() for pipe in self._pipes])

    def make_alone(self, order: Order) -> Made:
        """Make the connects of an order by one worker, while the others wait."""
        self._pipes[0].send(order)
        return self._pipes[0].recv()


def _enter_namespace() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), "unshare: a network namespace")
    with socket.socket() as sock:
        request = struct.pack("16sh14x", b"lo", IFF_UP)
        fcntl.ioctl(sock, SIOCSIFFLAGS, request)
    with open("/proc/sys/net/core/somaxconn", "w", encoding="ascii") as file:
        file.write(str(BACKLOG))


def _serve(number: int, pipe: connection.Connection[Made, Order | None]) -> None:
    """Be a worker: carry out orders until None comes, or the bench is gone."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Target(CLOSED_PORT + 1 + number) as target:
        while order := pipe.recv():
            pipe.send(_carry_out(order, target))


class Target:
    """A listener that accepts nothing, and one socket for all refused connects.

    Connects to a listener complete without accept(2) until its backlog is full. Before
    that we let it forget them: so the load is almost all connect(2).
    """

    def __init__(self, port: int) -> None:
        self._addresses = itertools.cycle((a, port) for a in ADDRESSES)
        self._closed = itertools.cycle((a, CLOSED_PORT) for a in ADDRESSES)
        self._listener = socket.socket()
        self._listener.bind(("0.0.0.0", port))  # noqa: S104 (only lo is there)
        self._listener.listen(BACKLOG)
        self._waiting = 0
        self._refused = socket.socket()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self._refused.close()

    def succeed(self, count: int) -> None:
        """Make ``count`` connects that succeed. Raises OSError when one does not."""
        for address in itertools.islice(self._addresses, count):
            sock = socket.socket()
            sock.connect(address)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            sock.close()
        self._waiting += count
        if self._waiting > SYNS_BEFORE_RESET:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.listen(BACKLOG)
            self._waiting = 0

    def fail(self, count: int) -> None:
        """Make ``count`` connects that are refused.

        A socket whose connect(2) was refused can be used for the next one.
        """
        connect = self._refused.connect_ex
        for address in itertools.islice(self._closed, count):
            connect(address)


def _carry_out(order: Order, target: Target) -> Made:
    ok = failed = 0
    began_cpu, began = time.process_time(), time.monotonic()
    for count in _bursts(order):
        good = round(count * order.share_ok)
        target.succeed(good)
        target.fail(count - good)
        ok += good
        failed += count - good
    return Made(ok, failed, time.monotonic() - began, time.process_time() - began_cpu)


def _bursts(order: Order) -> Iterator[int]:
    """Yield the sizes of bursts, each when it is time for it."""
    began = time.monotonic()
    for done in range(0, order.connects, BURST):
        now = time.monotonic()
        if now - began > order.seconds:
            return
        due = began + done / order.rate if order.rate else now
        if due > now:
            time.sleep(due - now)
        yield min(BURST, order.connects - done)
