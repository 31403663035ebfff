"""The tool as a running process."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.launch import command
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from typing_extensions import Self

READY = b"Tracing connect ... Hit Ctrl-C to end\n"
# What is said where there are no BPF trampolines, or no reasons for drops, and with -d
# of the whole machine, on which other tests look names up and have C libraries.
NOTICES = re.compile(
    rb"tcpconnect: (?:attempts without a SYN are shown for|WHY can't be"
    rb"|(?:in total,|warning:) \d+ (?:names lost|DNS answers not read"
    rb"|programs of this machine ended)).*\n"
)
ENDED = b"tcpconnect: all traced processes have ended\n"
MISSING = re.compile(rb"^tcpconnect: (?:in total|warning)", re.MULTILINE)


class Tool:
    """tcpconnect as a process, attached when the constructor returns.

    ``before`` are words of a program that starts it.
    """

    def __init__(
        self, *options: object, before: Iterable[str] = (), **popen: Any
    ) -> None:
        start = command(options)
        start["args"] = [*before, *start["args"]]
        self.process = subprocess.Popen(
            **start,
            stdin=subprocess.DEVNULL,
            stdout=popen.pop("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
            **popen,
        )
        self._seen = {1: b"", 2: b""}
        pipes = {1: self.process.stdout, 2: self.process.stderr}
        self._pipes = {number: pipe for number, pipe in pipes.items() if pipe}
        self._wait_until(
            lambda: READY in self.stderr or self._ended(), "the ready line"
        )
        assert READY in self.stderr, self.stderr.decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for number in (1, 2):
            self._take(number)
            if pipe := self._pipes.pop(number, None):
                pipe.close()

    def _ended(self) -> bool:
        return self.process.poll() is not None

    def _take(self, number: int) -> bytes:
        """Return all that came on a descriptor until now, without waiting."""
        pipe = self._pipes.get(number)
        while pipe and select.select((pipe,), (), (), 0)[0]:
            data = os.read(pipe.fileno(), 1 << 20)
            if not data:
                pipe.close()
                del self._pipes[number]
                break
            self._seen[number] += data
        return self._seen[number]

    def _wait_until(self, condition: Callable[[], Any], what: str) -> None:
        """Wait for what comes with its output, or its end."""
        try:
            wait_until(
                # All is read: what is left in a pipe would wake us again and again.
                lambda: (self.stdout, self.stderr) and condition(),
                what,
                self._pipes.values(),
            )
        except AssertionError as error:
            raise AssertionError(f"{error}; it printed {self._seen}") from error

    @property
    def stdout(self) -> bytes:
        """What it has printed until now."""
        return self._take(1)

    @property
    def stderr(self) -> bytes:
        """What it has said until now."""
        return self._take(2)

    @property
    def said(self) -> bytes:
        """What it has said, but for what is the same of this kernel or machine."""
        return NOTICES.sub(b"", self.stderr)

    def lines(self, count: int) -> list[str]:
        """Return the lines printed, once there are at least ``count``."""
        self._wait_until(
            lambda: self.stdout.count(b"\n") >= count or self._ended(),
            f"{count} lines",
        )
        lines = self.stdout.decode().splitlines()
        assert len(lines) >= count, (lines, self.process.returncode, self.stderr)
        return lines

    def stop(self, number: int = signal.SIGINT) -> int:
        """Signal it, wait until it has ended, and return its exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Read until it has ended by itself; return its exit code."""
        self._wait_until(self._ended, "its end")
        self._take(1)
        self._take(2)
        return int(self.process.returncode)

    def events(self, count: int) -> list[dict[str, Any]]:
        """Return the JSON objects printed, once there are at least ``count``."""
        return [json.loads(line) for line in self.lines(count)]

    def whole(self, count: int, number: int = signal.SIGINT) -> list[dict[str, Any]]:
        """Wait for ``count`` events, stop, and return all; nothing may be missing."""
        self.events(count)
        assert self.stop(number) == 0
        assert not MISSING.search(self.said), self.stderr
        return self.all_events()

    def all_events(self) -> list[dict[str, Any]]:
        """Return all JSON objects printed until now."""
        return [json.loads(line) for line in self.stdout.splitlines()]


def told(tool: Tool, what: str, when: str = "in total,") -> int:
    """Return the sum of the numbers in lines of a kind on stderr."""
    pattern = rf"^tcpconnect: {when} (\d+) {what}"
    found = re.findall(pattern, tool.stderr.decode(), re.MULTILINE)
    return sum(map(int, found))


def waited(tool: Tool) -> float:
    """Return how long it, and this process, have waited for a processor, in seconds."""
    return sum(map(_waited, (tool.process.pid, os.getpid())))


def _waited(pid: int) -> float:
    _, waited_ns, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
    return int(waited_ns) / 1e9
