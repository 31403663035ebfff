"""Conditions that tests wait for."""

from __future__ import annotations

import os
import select
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

TIMEOUT_S = 60.0
WRITE = {"x86_64": "1", "aarch64": "64"}  # numbers of system calls


def wait_until(
    condition: Callable[[], Any], what: str, files: Collection[IO[bytes]] = ()
) -> Any:
    """Return the first true value of ``condition``; fail after TIMEOUT_S.

    It is asked every few milliseconds, less often the longer it takes, or, where it can
    only change with them, when there is something to read in ``files``.
    """
    begin = time.monotonic()
    while not (value := condition()):
        waited = time.monotonic() - begin
        assert waited < TIMEOUT_S, f"waited in vain for {what}"
        pause = 0.1 if files else min(max(waited / 10, 0.002), 0.03)
        select.select(list(files), (), (), pause)
    return value


def is_quick(took_s: Callable[[], float], most_s: float) -> bool:
    """Whether something is done in time, in one of three tries.

    A machine, or a process of the test, may stand still for seconds once.
    """
    return any(took_s() < most_s for _ in range(3))


def until_writing(pid: int) -> None:
    """Wait until a thread is in write(2): a signal before that interrupts nothing."""

    def is_writing() -> bool:
        numbers = []
        for task in Path(f"/proc/{pid}/task").glob("*/syscall"):
            with suppress(OSError):  # the thread has ended since
                numbers.append(task.read_text().split()[0])
        return WRITE[os.uname().machine] in numbers

    wait_until(is_writing, "a write that waits")
