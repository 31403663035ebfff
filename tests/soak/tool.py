"""The tool under watch: its output counted, not kept; its memory and descriptors."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bench.generator import PORTS
from bench.tool import LOST, TOOL, said_until_ready

from .rules import Sample

if TYPE_CHECKING:
    from typing_extensions import Self

# Every feature: results, names and how long they took, and all columns.
OPTIONS = ["-rjd", "--dns-latency", "-P", PORTS]
COLUMN = re.compile(rb"^(\w+) ", re.MULTILINE)
OF_PROBES = re.compile(r"perf_event|bpf.link")  # in C libraries of containers
CHUNK = 1 << 20


def all_columns() -> str:
    """Return the names of all columns, as --columns takes them."""
    command = [str(TOOL), "--columns", "help"]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return b",".join(COLUMN.findall(said)).decode()


def _seconds(time: str) -> float:
    """Return a time of RFC 3339 in UTC as seconds; Python 3.10 knows no Z."""
    return datetime.fromisoformat(time.removesuffix("Z") + "+00:00").timestamp()


def _counts(fd: Path) -> bool:
    """Whether a descriptor does not depend on other users' containers."""
    try:
        return OF_PROBES.search(os.readlink(fd)) is None
    except FileNotFoundError:  # it was open for a moment
        return False


class Tool:
    """Runs it; a thread reads what it prints and says, once ``watch`` is called.

    When the constructor returns it is attached. Raises RuntimeError when it is not.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [TOOL, *OPTIONS, "--columns", all_columns()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._began = time.monotonic()
        self.lines = 0
        self.latest_s = 0.0  # the longest from an attempt to its line
        self._latest_s = self._waited_s = 0.0  # the same, and below, at the last report
        self.stop_s = 0.0  # what the stop has taken
        self._said = said_until_ready(self._process)
        self._failure: Exception | None = None
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def watch(self) -> None:
        """Begin to read."""
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        assert self._process.stderr
        output, errors = self._process.stdout.fileno(), self._process.stderr.fileno()
        poll = select.poll()
        for fd in (output, errors):
            poll.register(fd, select.POLLIN)
        left = 2
        while left:
            for fd, _ in poll.poll():
                data = os.read(fd, CHUNK)
                if not data:
                    poll.unregister(fd)
                    left -= 1
                elif fd == errors:
                    self._said += data
                else:
                    self._count(data)

    def _count(self, data: bytes) -> None:
        """Count lines; of each chunk, one must be an object of JSON."""
        self.lines += data.count(b"\n")
        _, *whole, _ = data.split(b"\n", 2)
        try:
            for line in whole:
                began = _seconds(json.loads(line)["time"])
                late_s = time.time() - began
                self.latest_s = max(self.latest_s, late_s)
                self._latest_s = max(self._latest_s, late_s)
        except ValueError as error:
            self._failure = error

    def latest_since(self) -> float:
        """Return the same as ``latest_s``, of the lines since this was last asked."""
        latest_s, self._latest_s = self._latest_s, 0.0
        return latest_s

    def waited_since(self) -> float:
        """Return the seconds it has waited for a processor since this was last asked.

        That is the second number of its schedstat, in nanoseconds.
        """
        schedstat = Path(f"/proc/{self._process.pid}/schedstat").read_text()
        before, self._waited_s = self._waited_s, int(schedstat.split()[1]) / 1e9
        return self._waited_s - before

    @property
    def pid(self) -> int:
        """Its PID."""
        return self._process.pid

    def sample(self) -> Sample:
        """Return memory and descriptors. Raises OSError when it has ended."""
        folder = Path(f"/proc/{self._process.pid}")
        status = (folder / "status").read_text(encoding="utf-8", errors="replace")
        memory = re.search(r"VmRSS:\s+(\d+) kB", status)
        if memory is None:
            raise OSError("the tool has ended")
        descriptors = sum(map(_counts, (folder / "fd").iterdir()))
        since = time.monotonic() - self._began
        return Sample(since, int(memory[1]) * 1024 / 1e6, descriptors)

    def stop(self) -> int:
        """Stop it as Ctrl-C does; return how many attempts it says were lost.

        Raises RuntimeError when it fails, or has printed what is no JSON.
        """
        self._process.send_signal(signal.SIGINT)
        began = time.monotonic()
        self._reader.join()
        self.stop_s = time.monotonic() - began
        if self._process.wait() or self._failure:
            said = self._said.decode(errors="replace")
            raise RuntimeError(f"the tool failed: {self._failure or said}")
        return sum(map(int, LOST.findall(self._said)))

    def totals(self) -> list[str]:
        """Return what it has said in total."""
        lines = self._said.decode(errors="replace").splitlines()
        return [line for line in lines if " in total, " in line]
