"""What the tool sees: DNS answers and short processes, beside bench's connects."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import shutil
import signal
import socket
import time
from random import Random
from typing import TYPE_CHECKING

from bench.generator import ADDRESSES, CLOSED_PORT, PR_SET_PDEATHSIG

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

RESOLVER = ("127.0.0.53", 53)
NAMED = 15_000  # addresses, more than the tool keeps the names of
PROCESSES_A_S = 200.0
ANSWERS_A_S = 2000.0

# With arguments as long as this the tool has soon as many processes as it keeps.
TITLE = f"/{'x' * 4000}/nc"


class Load:
    """A process that works so many times a second until it is stopped.

    ``prepare`` is called in it, and returns the work.
    """

    def __init__(self, prepare: Callable[[], Callable[[], None]], rate: float) -> None:
        fork = multiprocessing.get_context("fork")
        self._done = fork.Value("Q", 0)
        self._stop = fork.Event()
        self._process = fork.Process(target=self._serve, args=(prepare, rate))
        self._process.daemon = True
        self._process.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _serve(self, prepare: Callable[[], Callable[[], None]], rate: float) -> None:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        work = prepare()
        due = time.monotonic()
        while not self._stop.is_set():
            work()
            self._done.value += 1
            due = max(due + 1 / rate, time.monotonic() - 1)  # a second is caught up
            time.sleep(max(due - time.monotonic(), 0))

    @property
    def done(self) -> int:
        """How many times it has worked until now."""
        return int(self._done.value)

    def stop(self) -> int:
        """Let it end; return how many times it has worked.

        Raises RuntimeError when it has failed.
        """
        self._stop.set()
        self._process.join()
        if self._process.exitcode:
            raise RuntimeError(f"a load ended with {self._process.exitcode}")
        return self.done


def processes() -> Callable[[], None]:
    """Return what starts a process that connects once, and waits for its end.

    Raises RuntimeError when there is no busybox, or it does not connect.
    """
    busybox = shutil.which("busybox")
    if busybox is None:
        raise RuntimeError("no busybox: apt-get install busybox-static")
    path, null = busybox, os.devnull
    to_nowhere = [(os.POSIX_SPAWN_OPEN, fd, null, os.O_RDWR, 0) for fd in (0, 1, 2)]
    arguments = [TITLE, ADDRESSES[0], str(CLOSED_PORT)]

    def work() -> None:
        pid = os.posix_spawn(path, arguments, {}, file_actions=to_nowhere)
        _, status = os.waitpid(pid, 0)
        if os.waitstatus_to_exitcode(status) != 1:  # refused
            raise RuntimeError(f"busybox nc ended with {status}")

    return work


def answers() -> Callable[[], None]:
    """Return what asks a resolver of its own for a name, and has the answer."""
    random = Random(53)  # noqa: S311 (nothing that is secret)
    server = socket.socket(type=socket.SOCK_DGRAM)
    server.bind(RESOLVER)
    client = socket.socket(type=socket.SOCK_DGRAM)
    client.connect(RESOLVER)

    def work() -> None:
        number = random.randrange(NAMED)
        label = f"n{number}".encode()
        question = bytes((len(label),)) + label + b"\4soak\7example\0\0\1\0\1"
        number_id = random.randbytes(2)
        client.send(number_id + b"\1\0\0\1\0\0\0\0\0\0" + question)
        _, whose = server.recvfrom(512)
        head = number_id + b"\x81\x80\0\1\0\1\0\0\0\0" + question
        answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + _address(number)
        server.sendto(head + answer, whose)
        client.recv(512)

    return work


def _address(number: int) -> bytes:
    """Return an address that is connected to, or one that is not."""
    if number < len(ADDRESSES):
        return socket.inet_aton(ADDRESSES[number])
    return bytes((10, 1)) + number.to_bytes(2, "big")
