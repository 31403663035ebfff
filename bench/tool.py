"""The tool as a process: started, watched from outside, stopped."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.memory import memory_mb
from bench.programs import Programs, programs_by_name, programs_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

# Ours; in a virtual machine there is only one.
TOOL = shutil.which(Path(sys.executable).with_name("tcpconnect")) or "tcpconnect"
READY = b"Tracing connect ... Hit Ctrl-C to end\n"
TIMEOUT_S = 60.0
COMMAND_TERMINATED = 128 + signal.SIGTERM
STILL_S = 0.12  # three of the pauses that the tool makes between two batches
STILL_CPU_S = 0.001
LOST = re.compile(rb"in total, (\d+) attempts (?:lost|not counted)")

# Which clock of a process, include/linux/posix-timers_types.h: by samples of the timer
# tick all CPU time or that in user mode, or by the scheduler, exactly, all CPU time:
# the nanoseconds of /proc/PID/task/TID/schedstat, also of threads that have ended.
CPUCLOCK_PROF, CPUCLOCK_VIRT, CPUCLOCK_SCHED = range(3)


class Cpu(NamedTuple):
    """CPU time of a process, in seconds.

    ``all_s`` is exact; ``sampled_s`` and ``sampled_user_s`` only serve to share it out
    between user mode and kernel.
    """

    all_s: float
    sampled_s: float
    sampled_user_s: float

    def since(self, before: Cpu) -> tuple[float, float]:
        """Return the seconds in user mode and in the kernel since ``before``."""
        spent = self.all_s - before.all_s
        sampled = self.sampled_s - before.sampled_s
        user = self.sampled_user_s - before.sampled_user_s
        share = user / sampled if sampled else 0.5
        return spent * share, spent * (1 - share)


def said_until_ready(process: subprocess.Popen[bytes]) -> bytes:
    """Return what a tool said on stderr until its ready line was there.

    Raises RuntimeError when it does not come.
    """
    assert process.stderr is not None  # noqa: S101 (for mypy)
    said = b""
    while READY not in said:
        heard = select.select((process.stderr,), (), (), TIMEOUT_S)[0]
        data = os.read(process.stderr.fileno(), 65536) if heard else b""
        said += data
        if not data:
            raise RuntimeError(f"the tool is not ready: {said.decode()}")
    return said


class Tool:
    """Runs the tool, its output in a file at ``path``.

    When the constructor returns it is attached; ``ready_ms`` says how long that took,
    from before its exec. Raises RuntimeError when it does not come up.
    """

    def __init__(self, options: Sequence[str], path: Path) -> None:
        self.began = time.monotonic()
        self._path = path
        with path.open("wb") as output:
            self._process = subprocess.Popen(
                [TOOL, *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
            )
        self._said = said_until_ready(self._process)
        self.ready_ms = self.age_ms

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    @property
    def age_ms(self) -> float:
        """Milliseconds since before its exec."""
        return (time.monotonic() - self.began) * 1000

    @property
    def output(self) -> bytes:
        """What it has printed until now."""
        return self._path.read_bytes()

    def wait_for(self, text: str) -> None:
        """Wait until the output has this text; RuntimeError when it does not come."""
        while text.encode() not in self.output:
            if self.age_ms > TIMEOUT_S * 1000:
                raise RuntimeError(f"the tool did not print {text}")
            time.sleep(0.0005)

    def cpu(self) -> Cpu:
        """Return its CPU time until now."""
        prof, user, exact = (
            time.clock_gettime((~self._process.pid << 3) | clock)
            for clock in (CPUCLOCK_PROF, CPUCLOCK_VIRT, CPUCLOCK_SCHED)
        )
        return Cpu(exact, prof, user)

    def wait_still(self) -> None:
        """Wait until it has nothing more to do."""
        before = self.cpu().all_s
        time.sleep(STILL_S)
        while (now := self.cpu().all_s) - before > STILL_CPU_S:
            before = now
            time.sleep(STILL_S)

    def memory_mb(self) -> tuple[float, float]:
        """Return resident memory, now and at most until now, in MB (10^6 bytes).

        Raises RuntimeError when the tool has ended.
        """
        if self._process.poll() is not None:
            said = self._process.communicate(timeout=TIMEOUT_S)[1].decode()
            raise RuntimeError(f"the tool ended by itself or was killed: {said}")
        return memory_mb(self._process.pid)

    @property
    def pid(self) -> int:
        """Its process ID."""
        return self._process.pid

    def programs(self) -> Programs:
        """Return the statistics of its BPF programs."""
        return programs_of(self._process.pid)

    def programs_by_name(self) -> dict[str, Programs]:
        """Return the same for each name of them."""
        return programs_by_name(self._process.pid)

    def flush(self) -> None:
        """Have a recorder write its windows now."""
        self._process.send_signal(signal.SIGUSR1)

    def stop(self) -> int:
        """Stop it, or its command; return how many attempts it says were lost.

        Raises RuntimeError when it fails.
        """
        self._process.send_signal(signal.SIGTERM)
        self._said += self._process.communicate(timeout=TIMEOUT_S)[1]
        if self._process.returncode not in {0, COMMAND_TERMINATED}:
            raise RuntimeError(f"the tool failed: {self._said.decode()}")
        return sum(map(int, LOST.findall(self._said)))
