"""Something that waits for the kernel, done while others are done."""

from __future__ import annotations

import os
from _thread import (  # threading takes a millisecond
    allocate_lock,
    get_native_id,
    start_new_thread,
)
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Meanwhile:
    """A thread that does it; without one, where there can't be more, it is done here.

    ``wait`` or ``end`` must be called.
    """

    def __init__(self, do: Callable[[], None]) -> None:
        self._do = do
        self._failure: BaseException | None = None
        self._done = allocate_lock()
        self._done.acquire()
        self._here = get_native_id()
        self._thread = self._here
        try:
            start_new_thread(self._run, ())
        except RuntimeError:
            self._run()

    def _run(self) -> None:
        self._thread = get_native_id()
        try:
            self._do()
        except BaseException as error:  # noqa: BLE001 (who waits raises it)
            self._failure = error
        finally:
            self._done.release()

    def end(self) -> None:
        """Return when it has been done, or has failed, and the thread has gone."""
        with self._done:
            pass
        if self._thread != self._here:
            while os.path.exists(f"/proc/self/task/{self._thread}"):
                os.sched_yield()
            self._thread = self._here

    def wait(self) -> None:
        """Do the same. Raises the error that it has failed with."""
        self.end()
        if self._failure:
            raise self._failure
