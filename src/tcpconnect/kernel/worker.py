"""The thread that examines C libraries, so that no line waits for it."""

from __future__ import annotations

import os
import select
import time
from _thread import allocate_lock, start_new_thread  # threading takes a millisecond
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from tcpconnect import messages

if TYPE_CHECKING:
    import signal

    from tcpconnect.kernel.libraries import Libraries
else:
    import _signal as signal  # its enums take half a millisecond

MAX_PIDS = 4096  # that wait to be examined; the oldest are dropped
IDLE_MS = 1000
# A program maps several files within a millisecond or two: they are examined together.
# However many there are, this thread uses about a fifth of the time.
PAUSE_S, MAX_PAUSE_S, SHARE = 0.004, 1.0, 4
TURN_S = 0.1  # to examine processes, until mappings are read again
STOP_S = 1.0
# A user may have so many processes, or files that never answer, that the first scan of
# all processes never ends: the start does not wait for that.
SETTLE_S = 5.0  # it takes less than a tenth of that without hostile users


class Worker:
    """Started by the loop: threads keep the privileges that they start with."""

    def __init__(self, libraries: Libraries, watched_fd: int | None) -> None:
        self._libraries = libraries
        self._pids: deque[int] = deque(maxlen=MAX_PIDS)
        self._failure: BaseException | None = None
        self._started = self._stopped = False
        self._ended = allocate_lock()
        self._settled = allocate_lock()  # held until all processes were scanned
        self._settled.acquire()
        self._wake, self._waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._stopping = allocate_lock()  # held until the stop: sleeping waits for it
        self._stopping.acquire()
        self._ready = select.poll()
        self._ready.register(self._wake, select.POLLIN)
        if watched_fd is not None:
            self._ready.register(watched_fd, select.POLLIN)

    def look_at(self, pid: int) -> None:
        """Have the libraries of a process examined soon."""
        self._pids.append(pid)
        self._awake()

    def run(self) -> None:
        """Start the thread once. Raises the error that has ended it."""
        if self._failure:
            raise self._failure
        if not self._started:
            self._started = True
            self._ended.acquire()
            try:
                start_new_thread(self._run, ())
            except RuntimeError as error:
                self._settled.release()
                self._ended.release()
                self._give_up(error)

    def settle(self) -> None:
        """Start it; wait until it has scanned all processes, SETTLE_S at most.

        Does nothing if it has been started.
        """
        if self._started:
            return
        self.run()
        if self._settled.acquire(timeout=SETTLE_S):
            self._settled.release()

    def _run(self) -> None:
        try:
            # The main thread handles them.
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            try:
                self._libraries.scan()
            finally:
                self._settled.release()
            while not self._stopped:
                self._ready.poll(0 if self._pids else IDLE_MS)
                begin = time.monotonic()
                if self._work(begin + TURN_S):
                    pause_s = max(PAUSE_S, SHARE * (time.monotonic() - begin))
                    self._stopping.acquire(timeout=min(pause_s, MAX_PAUSE_S))
        except (OSError, MemoryError) as error:  # others may have used all up
            self._give_up(error)
        except BaseException as error:  # noqa: BLE001 (the loop raises it)
            self._failure = error
        finally:
            self._ended.release()

    def _give_up(self, error: Exception) -> None:
        reason = os.strerror(error.errno or 0) if isinstance(error, OSError) else error
        self._libraries.warnings.add(messages.NO_LATER_LIBRARIES, reason=reason)

    def _work(self, end: float) -> bool:
        """Examine what is new; return whether there was anything."""
        with suppress(BlockingIOError):
            os.read(self._wake, 4096)
        anything = bool(self._pids)
        while self._pids and not self._stopped and time.monotonic() < end:
            self._libraries.look_at(self._pids.popleft())
        return self._libraries.look() or anything

    def _awake(self) -> None:
        with suppress(BlockingIOError):  # the pipe is full, which wakes it
            os.write(self._waker, b"\0")

    def stop(self) -> None:
        """End it. Where a file system holds it up, it ends as soon as that answers."""
        if self._stopped:
            return
        self._stopped = self._libraries.stopped = True
        self._stopping.release()
        self._awake()
        if self._ended.acquire(timeout=STOP_S):
            os.close(self._wake)
            os.close(self._waker)
