"""Writer: a thread that adds windows to a history, and waits while it can't."""

from __future__ import annotations

import os
import signal
import sqlite3
from _queue import SimpleQueue  # the modules queue and threading take milliseconds
from _thread import allocate_lock, start_new_thread
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from tcpconnect import messages, store_messages
from tcpconnect.errors import OutputError, TcpconnectError
from tcpconnect.history.claim import CUT, Claim
from tcpconnect.history.file import is_whole
from tcpconnect.history.keep import Keep
from tcpconnect.history.passing import Passing, Recorded
from tcpconnect.history.schema import DAY
from tcpconnect.history.store import Store
from tcpconnect.history.waiting import Waiting
from tcpconnect.output import say, unwritable

if TYPE_CHECKING:
    from tcpconnect.history.rows import Program, Rows
    from tcpconnect.history.store import Run
    from tcpconnect.history.terms import Terms

WRITE, END = "write", "end"
TRUNCATED = "truncated"
FAILED = (sqlite3.Error, OSError, OutputError)


class Held(NamedTuple):
    """The file that is written to."""

    claim: Claim
    store: Store


class Begun(NamedTuple):
    """A run that has begun, and until when the one before has watched."""

    run: Run
    watched: int = 0


class Writer:
    """Has a file, and writes what ``submit`` gives it; what can't be written waits."""

    def __init__(self, path: str, terms: Terms, run: Run) -> None:
        self.failure = ""  # why the last write failed
        self._is_damaged = False  # since the file seems to be
        self._path, self._terms, self._run = path, terms, run
        self._held: Held | None = None
        self._lock = allocate_lock()  # of these four
        self._waiting = Waiting()
        self._runs: list[Begun] = []  # since the last write
        self._watched = 0
        self._passing: Passing | Recorded = Passing()
        self._keep = Keep(terms)
        self._shrunk = 0  # the day when its size was last said
        self._kept = 0  # attempts, in this file; until when
        self._kept_until = 0
        self._work: SimpleQueue[str] = SimpleQueue()
        self._ended = allocate_lock()
        self._started = False

    def open(self) -> Held:
        """Open the file, or make it. Raises OutputError."""
        claim = Claim(self._path, self._terms.mode)
        try:
            self._held = Held(claim, Store(self._path))
        except sqlite3.Error as error:
            claim.release()
            raise unwritable(self._path, str(error)) from error
        except OutputError:
            claim.release()
            raise
        return self._held

    def reached(self, since: int) -> list[tuple[Program, tuple[str, int]]]:
        """Return which programs have reached what since then. Raises OutputError."""
        if not self._held:
            return []
        try:
            return self._held.store.reached(since)
        except sqlite3.Error as error:
            raise unwritable(self._path, str(error)) from error

    def recorded_by(self, host: str) -> None:
        """Have what comes now be of another run: it was recorded, by this machine.

        A recording without attempts for a while has no gap there.
        """
        with self._lock:
            self._run = replace(self._run, host=host, boot="")
            self._passing = Recorded()

    def submit(self, rows: Rows, lost: dict[str, int], time: int, now: int) -> None:
        """Have a window added, of a time; now it has ended. It does not wait."""
        has_gap, line = self._passing.has_gap(now)
        if line:
            say(line)
        with self._lock:
            if has_gap:  # nobody watched in between
                begun = replace(self._run, started=now)
                self._runs.append(Begun(begun, self._watched))
            self._watched = now
            self._waiting.add(rows, lost, time)
        self._wake()

    def close(self) -> int:
        """Write what waits; return how many attempts could not be written."""
        if self._started:
            self._work.put(END)
            self._ended.acquire()
        self._leave()
        return self._waiting.attempts

    def _wake(self) -> None:
        if not self._started:
            try:
                start_new_thread(self._serve, ())
            except RuntimeError as error:
                raise OutputError(messages.CANT_START_THREAD, reason=error) from error
            self._started = True
            self._ended.acquire()
        self._work.put(WRITE)

    def _serve(self) -> None:
        # The main thread handles them.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            while self._work.get() == WRITE:
                self._write()
            self._write()
        finally:
            self._ended.release()

    def _write(self) -> None:
        """Write what waits, or have it wait on."""
        with self._lock:
            waiting, self._waiting = self._waiting, Waiting()
            runs, self._runs = self._runs, []
            watched = self._watched
        try:
            held = self._usable(runs, waiting)
            while runs:
                held.store.begin(*runs[0])
                del runs[0]
            self._keep.make_room(held.store)
            held.store.add(waiting.windows, waiting.lost, watched)
            self._kept += waiting.attempts
            self._kept_until, waiting = watched, Waiting()
            self._shrink(held, watched)
        except FAILED as error:
            with self._lock:
                self._waiting.put_before(waiting)
                self._runs = runs + self._runs
            self._fail(error)
            return
        self.failure, self._is_damaged = "", False
        held.claim.note_size()

    def _shrink(self, held: Held, now: int) -> None:
        """Have rows folded and dropped that are due; say once a day that it is full."""
        if self._keep.work(held.store, now) and now // DAY != self._shrunk:
            self._shrunk = now // DAY
            size = f"{self._terms.max_size / (1 << 20):.4g}M"
            say(store_messages.HISTORY_FULL.line(path=self._path, size=size))

    def _usable(self, runs: list[Begun], waiting: Waiting) -> Held:
        """Return the file that has the name; where it is new, with a run to begin.

        Raises what opening it does.
        """
        held = self._held
        if held and held.claim.is_moved:
            self._leave()
        elif (
            held
            and (held.claim.is_cut or self._is_damaged)
            and not is_whole(self._path)
        ):
            self._put_aside(held, waiting)
        if self._held:
            return self._held
        held = self.open()
        if self._kept_until:
            begun = replace(self._run, started=self._kept_until)
            runs.insert(0, Begun(begun))
        return held

    def _put_aside(self, held: Held, waiting: Waiting) -> None:
        """Leave a file that is damaged, and say so; a new one takes its place."""
        with suppress(sqlite3.Error):
            held.store.connection.close()
        held.claim.put_aside()
        held.claim.release()
        waiting.lose(self._kept_until, TRUNCATED, self._kept)
        self._held, self._kept = None, 0
        say(store_messages.HISTORY_CUT.line(path=self._path, left=self._path + CUT))

    def _leave(self) -> None:
        """Close the file; one that is new, and has nothing, goes."""
        held, self._held, self._kept = self._held, None, 0
        if not held:
            return
        with suppress(sqlite3.Error):
            held.store.close(self._watched)
        with suppress(OSError):
            if held.claim.is_moved:
                held.claim.end_wal_mode()
                held.claim.remove_beside()
            elif held.claim.is_new and not self._kept_until:
                held.claim.remove()
        held.claim.release()

    def _fail(self, error: Exception) -> None:
        """Say once that windows wait."""
        first, self.failure = not self.failure, reason_of(error)
        # Not a lock, and not a full disk: those are OperationalErrors.
        self._is_damaged = type(error) is sqlite3.DatabaseError
        if first:
            values = {"path": self._path, "reason": self.failure}
            say(store_messages.HISTORY_WAITS.line(**values))


def reason_of(error: Exception) -> str:
    """Return why a file can't be written."""
    if isinstance(error, TcpconnectError):
        return error.reason or error.sentence
    if isinstance(error, OSError):
        return os.strerror(error.errno or 0)
    return str(error)
