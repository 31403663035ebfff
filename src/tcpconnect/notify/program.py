"""A program that is started for each alert: without a shell, for a limited time."""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress

from tcpconnect.output import STDERR
from tcpconnect.transport.undelivered import UndeliveredError

AT_ONCE = 4  # programs
TRIES = 3
LIMIT_S = 30.0
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}


def keep_descriptors() -> None:
    """Have programs get none of what was open when this one was started."""
    for name in os.listdir("/proc/self/fd"):
        if (fd := int(name)) > STDERR:
            with suppress(OSError):  # the one that has listed them
                os.set_inheritable(fd, False)  # noqa: FBT003 (it has no keyword)


def kill(running: set[int]) -> None:
    """Kill the programs that run, with what they have started."""
    for pid in [*running]:
        with suppress(OSError):
            os.killpg(pid, signal.SIGKILL)


def run(
    path: str, data: bytes, limit_s: float = LIMIT_S, running: set[int] | None = None
) -> None:
    """Run a program with ``data`` on stdin. Raises UndeliveredError.

    Its PID is in ``running`` meanwhile.
    It has its own session, no descriptor of ours, and prints nowhere. At its end, or
    after the limit, what it has started is killed, but for what has left its group.
    """
    try:
        pids = set() if running is None else running
        ended, status = _run(path, data, time.monotonic() + limit_s, pids)
    except OSError as error:
        raise UndeliveredError(os.strerror(error.errno or 0)) from error
    if not ended:
        raise UndeliveredError(f"it did not end within {limit_s:.3g} s")
    if code := os.waitstatus_to_exitcode(status):
        how = f"exit code {code}" if code > 0 else f"killed by signal {-code}"
        raise UndeliveredError(how)


def _run(path: str, data: bytes, end: float, running: set[int]) -> tuple[bool, int]:
    """Return whether it ended by itself, and its status. Raises OSError."""
    read, write = os.pipe2(os.O_CLOEXEC)
    try:
        pid = _spawn(path, read)
    except OSError:
        os.close(write)
        raise
    finally:
        os.close(read)
    running.add(pid)
    try:
        watch = os.pidfd_open(pid)
        try:
            ended = _feed(watch, write, data, end)
        finally:
            os.close(watch)
    finally:
        os.close(write)
        with suppress(OSError):
            os.killpg(pid, signal.SIGKILL)  # nothing of it outlives its turn
        running.discard(pid)
        _, status = os.waitpid(pid, 0)
    return ended, status


def _spawn(path: str, stdin: int) -> int:
    null = os.devnull, os.O_WRONLY, 0
    return os.posix_spawn(
        path,
        [path],
        ENVIRONMENT,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, stdin, 0),
            (os.POSIX_SPAWN_OPEN, 1, *null),
            (os.POSIX_SPAWN_OPEN, 2, *null),
        ],
        setsid=True,
        setsigmask=(),  # our threads block all
        setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),  # which Python ignores
    )


def _feed(watch: int, write: int, data: bytes, end: float) -> bool:
    """Write to a process until it has ended; return whether that was before ``end``."""
    os.set_blocking(write, False)
    poll = select.poll()
    poll.register(watch, select.POLLIN)
    if data:
        poll.register(write, select.POLLOUT)
    left = memoryview(data)
    null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    try:
        while (remaining := end - time.monotonic()) > 0:
            found = dict(poll.poll(remaining * 1000))
            if write in found:
                with suppress(BlockingIOError):
                    try:
                        left = left[os.write(write, left) :]
                    except BrokenPipeError:
                        left = left[:0]  # it does not want to know all
                if not left:
                    poll.unregister(write)
                    os.dup2(null, write, inheritable=False)  # its end of file
            if watch in found:
                return True
    finally:
        os.close(null)
    return False
