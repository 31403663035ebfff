"""A tool that traces connects, running on a terminal of its own."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import termios
import time
from typing import TYPE_CHECKING, NamedTuple

from bench.memory import memory_mb

if TYPE_CHECKING:
    from typing_extensions import Self

TIMEOUT_S = 300.0  # bcc's tool compiles its programs
STILL_S = 1.0
END_S = 30.0
CPUCLOCK_SCHED = 2  # include/linux/posix-timers_types.h: of a process, exactly


class Peer(NamedTuple):
    """What it is called here, its command, and the package that has it, if one has."""

    name: str
    command: tuple[str, ...]
    package: str


OURS = Peer("tcpconnect", ("tcpconnect",), "")
BCC = Peer("bcc", ("/usr/sbin/tcpconnect-bpfcc",), "bpfcc-tools")
PEERS = (
    OURS,
    Peer("tcpconnect -j", ("tcpconnect", "-j"), ""),
    Peer("tcpconnect -r", ("tcpconnect", "-r"), ""),
    Peer("libbpf-tools", ("/usr/sbin/tcpconnect-libbpf",), "libbpf-tools"),
    BCC,
    Peer("bpftrace", ("/usr/sbin/tcpconnect.bt",), "bpftrace"),
)


class Running:
    """A peer from its start to its end; what it prints is kept, line by line."""

    def __init__(self, peer: Peer) -> None:
        self._terminal, theirs = pty.openpty()
        settings = termios.tcgetattr(theirs)
        settings[1] &= ~termios.OPOST  # lines as they are written
        termios.tcsetattr(theirs, termios.TCSANOW, settings)
        self.began = time.monotonic()
        self._process = subprocess.Popen(
            peer.command,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "NO_COLOR": "1", "TERM": "dumb"},
            start_new_session=True,
        )
        os.close(theirs)
        self.output = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGINT)
        end = time.monotonic() + END_S
        while self._process.poll() is None and time.monotonic() < end:
            self.read(0.05)
        self._process.kill()
        self._process.wait()
        while self.read(0.0):
            pass
        os.close(self._terminal)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def read(self, wait_s: float) -> bool:
        """Take what it has printed; return whether there was anything."""
        if not select.select((self._terminal,), (), (), wait_s)[0]:
            return False
        try:
            data = os.read(self._terminal, 1 << 20)
        except OSError:  # its end, on a terminal
            return False
        self.output += data
        return bool(data)

    def read_still(self) -> None:
        """Take what it prints until there was nothing for a while."""
        while self.read(STILL_S):
            pass

    def wait_for(self, text: bytes) -> float:
        """Return seconds from its start until it had printed ``text``.

        Raises RuntimeError when that does not come.
        """
        while text not in self.output:
            ended = self._process.poll() is not None
            late = time.monotonic() - self.began > TIMEOUT_S
            if not self.read(0.01) and (ended or late):
                said = self.output.decode(errors="replace")
                raise RuntimeError(f"{self._process.args!r} shows nothing: {said}")
        return time.monotonic() - self.began

    def count(self, text: bytes) -> int:
        """Return how many lines have ``text`` in them."""
        return sum(text in line for line in self.output.splitlines())

    def cpu_s(self) -> float:
        """Return its CPU time until now, in seconds, by the scheduler.

        The times of user mode and the kernel are sampled at timer ticks, which miss a
        tool that sleeps between events.
        """
        return time.clock_gettime((~self._process.pid << 3) | CPUCLOCK_SCHED)

    def memory_mb(self) -> tuple[float, float]:
        """Return resident memory, now and at most until now, in MB (10^6 bytes)."""
        return memory_mb(self._process.pid)
