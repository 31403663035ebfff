"""The tool, which sends what it is given to a remote place."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import struct
import sys
import termios
import time
from contextlib import suppress
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING

from tcpconnect.outputs.remote import FLUSHES
from tcpconnect.times import rfc3339
from tests.support.remote import SECRETS
from tests.support.waiting import TIMEOUT_S, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self

# The tool that waits longer for its place at the end: three seconds may be too short
# on a busy machine.
PATIENT = f"""
import sys
from tcpconnect.outputs import remote
remote.END_S = {TIMEOUT_S}
from tcpconnect.start import main
sys.exit(main())
"""
SAID = r"(\d+) attempts {} "


class Sending:
    """The tool, which sends to a place what it is given, as if that was recorded.

    ``made`` is how many attempts it was given.
    """

    def __init__(self, place: str, spool: Path, *options: object) -> None:
        words = ("replay", "-", "-o", place, "--spool", spool, *options)
        self.process = Popen(
            [sys.executable, "-c", PATIENT, *map(str, words)],
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=os.environ | SECRETS,
        )
        self.made = 0
        self.said = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.communicate()

    def give(self, *names: str) -> None:
        """Have attempts made, and wait until they are read."""
        lines = "".join(f"{json.dumps(self._event(name))}\n" for name in names)
        assert self.process.stdin
        self.process.stdin.write(lines.encode())
        self.process.stdin.flush()
        self.made += len(names)
        pipe = self.process.stdin.fileno()
        wait_until(lambda: not _unread(pipe), "its reading")

    def flush(self) -> None:
        """Have all that was made until now spooled, and sent."""
        self.process.send_signal(signal.SIGHUP)
        for _ in range(FLUSHES):
            self.give("flushed")

    @staticmethod
    def _event(name: str) -> dict[str, object]:
        return {
            "time": rfc3339(time.time_ns()),
            "pid": 7,
            "comm": "curl",
            "daddr": "192.0.2.1",
            "dport": 443,
            "query": name,
            "result": "OK",
            "latency_ms": 1.5,
        }

    def has_said(self, words: str) -> bool:
        """Whether words are among what it has said until now."""
        assert self.process.stderr
        pipe = self.process.stderr.fileno()
        while _unread(pipe):
            self.said += os.read(pipe, 65_536).decode()
        return words in self.said

    def end(self) -> None:
        """Give it no more, and wait for its end."""
        _, said = self.process.communicate(timeout=2 * TIMEOUT_S)
        self.said += said.decode()
        assert self.process.returncode == 0, self.said

    def kill(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.communicate()

    @property
    def waiting(self) -> int:
        """How many attempts wait, by its last lines."""
        return self._number("for")

    @property
    def dropped(self) -> int:
        """How many attempts it has not sent, by the same."""
        return self._number("not sent to")

    @property
    def dropped_singly(self) -> int:
        """How many attempts only its windows have."""
        return self._number("not sent one by one to")

    def _number(self, words: str) -> int:
        return sum(map(int, re.findall(SAID.format(words), self.said)))


def _unread(pipe: int) -> int:
    (size,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))
    return int(size)
