"""The C libraries that processes of this machine may use, and their probes.

Any user who can start a program or a container can replace C libraries with any number
of other files: the work for them is limited.
"""

from __future__ import annotations

import os
import time
from _thread import allocate_lock  # threading takes a millisecond to import
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from tcpconnect import messages
from tcpconnect.errors import KernelError
from tcpconnect.kernel import libc, mappings
from tcpconnect.kernel.closing import close_at_once, close_each, close_soon
from tcpconnect.kernel.elf import ElfError
from tcpconnect.kernel.mappings import EXHAUSTED
from tcpconnect.machine import processes
from tcpconnect.machine.capabilities import lacking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tcpconnect.batch import Warnings
    from tcpconnect.kernel.libc import Library
    from tcpconnect.kernel.mappings import Mapping, Mappings

MAX_LIBRARIES = 1024
MAX_NOTICES = 100
MAX_LOOKS = 256  # at new libraries that programs map within LOOKS_NS
LOOKS_NS = 10**9
# All processes are scanned so often, and unused libraries are released; sooner if
# mappings were lost. A scan takes a tenth of the time at most.
SWEEP_NS = 60 * 10**9
SCAN_NS = 10 * 10**9
SHARE = 10


class Probed(msgspec.Struct, frozen=True):
    """The links to a library; empty if attaching failed."""

    version: tuple[int, int]
    links: list[int]


class Libraries:
    """Probes in all C libraries; ``attach`` attaches them to an open one.

    It returns the descriptors of the links, or raises KernelError, ElfError or OSError.
    ``warnings`` gets a line for each library that can't be probed, up to a limit.
    ``unprobed`` is how many programs ended before their library had probes.
    """

    def __init__(
        self,
        attach: Callable[[Library], list[int]],
        watch: Mappings | None,
        warnings: Warnings,
        *,
        at_once: bool,
    ) -> None:
        self.warnings = warnings
        self.unprobed = 0
        self.failure: KernelError | None = None
        self.stopped = False  # set by another thread, which then closes it
        self._attach = attach
        self._watch = watch
        self._at_once = at_once  # whether many can be detached at once
        self.process_ends = False  # when it is closed
        self._leaving: list[int] = []  # descriptors that are being closed
        self._open = True
        self._opening = allocate_lock()  # of probes: none may be left behind
        self._noted = 0
        self._said: set[str] = set()
        self._probes: dict[tuple[int, int], Probed] = {}
        self._mapped: dict[tuple[int, int], Probed] = {}  # by Mapping.file
        self._in_use: set[int] = set()  # id() of probes, since the scan began
        self._seen_all = True  # since then
        self._looks = 0
        self._looks_since_ns = self._scanned_ns = self._completed_ns = 0
        self._scan_took_ns = 0

    @property
    def probed(self) -> bool:
        """Whether any library has probes."""
        return any(probe.links for probe in self._probes.values())

    def begin(self) -> None:
        """Attach to the libraries of this process, which are trusted."""
        pid = os.getpid()
        self.look_at(pid)
        self._look_at_mapped(pid)

    def look_at(self, pid: int) -> None:
        """Attach to new libraries below the root of a process."""
        with self._noting(pid):
            for library in libc.libraries(pid):
                self._take(library, pid)

    def _look_at_mapped(self, pid: int) -> None:
        with self._noting(pid):
            for mapping in mappings.mapped(pid):
                self._check(mapping)

    def look(self) -> bool:
        """Attach to what programs have mapped; return whether they mapped anything."""
        anything = False
        if self._watch and not self.stopped:
            anything, found = self._watch.read()
            for mapping in found:
                self._look_at_new(mapping)
        if not self.stopped and self._is_due():
            self.scan()
        return anything

    def _is_due(self) -> bool:
        now = time.monotonic_ns()
        if self._watch and now - self._completed_ns > SCAN_NS:
            self._completed_ns = now
            self._watch.complete()
        lost = self._watch is not None and self._watch.lost
        pause_ns = max(SCAN_NS if lost else SWEEP_NS, SHARE * self._scan_took_ns)
        return now - self._scanned_ns > pause_ns

    def _look_at_new(self, mapping: Mapping) -> None:
        """Examine a mapping, unless too many are new."""
        now = time.monotonic_ns()
        if now - self._looks_since_ns > LOOKS_NS:
            self._looks, self._looks_since_ns = 0, now
        if self._use_known(mapping):
            return
        self._looks += 1
        if self._looks <= MAX_LOOKS:
            self._look_at_mapping(mapping)
        elif self._watch:
            self._watch.lost = True
            self._say("programs map more C libraries than can be looked at in time")

    def _known(self, mapping: Mapping) -> Probed | None:
        probe = self._mapped.get(mapping.file) or self._probes.get(mapping.file)
        return probe if probe and probe.links else None

    def _use_known(self, mapping: Mapping) -> bool:
        probe = self._known(mapping)
        if probe:
            self._in_use.add(id(probe))
        return probe is not None

    def _look_at_mapping(self, mapping: Mapping) -> None:
        self._take_mapped(mapping)
        self.unprobed += libc.has_ended(mapping.pid)

    def _take_mapped(self, mapping: Mapping) -> None:
        with self._noting(mapping.pid):
            if library := libc.mapped_library(mapping):
                probe = self._take(library, mapping.pid)
                if probe.links and len(self._mapped) < MAX_LIBRARIES:
                    self._mapped[mapping.file] = probe

    def _check(self, mapping: Mapping) -> None:
        """Examine a mapping of a scan: known libraries once, for changes."""
        probe = self._known(mapping)
        if probe is None:
            self._look_at_mapping(mapping)
        elif id(probe) not in self._in_use:
            self._take_mapped(mapping)

    def scan(self) -> None:
        """Scan all processes; release the libraries that none uses.

        An attached probe keeps the file of its library, and its file system, in use.
        """
        begin = time.monotonic_ns()
        if self._watch:
            self._watch.lost = False
        self._in_use.clear()
        self._seen_all = True
        for list_them, look_at in (
            (libc.roots, self.look_at),
            (processes.pids, self._look_at_mapped),
        ):
            for pid in self._listed(list_them):
                if self.stopped:
                    return
                look_at(pid)
        # Without CAP_SYS_PTRACE others' processes are not seen.
        if self._seen_all and not lacking("CAP_SYS_PTRACE"):
            known, used = list(self._probes.items()), self._in_use
            self._let_go([file for file, probe in known if id(probe) not in used])
        self._scanned_ns = time.monotonic_ns()
        self._scan_took_ns = self._scanned_ns - begin

    def _listed(self, list_them: Callable[[], list[int]]) -> list[int]:
        try:
            return list_them()
        except OSError as error:
            self._exhausted(error)
            return []

    def _exhausted(self, error: OSError) -> None:
        """Say what this machine has no more of; nothing is let go that was not seen."""
        self._seen_all = False
        self._say(os.strerror(error.errno or 0))

    def _take(self, library: Library, pid: int) -> Probed:
        """Attach to a library that is new or has changed; close it."""
        try:
            probe = self._probes.get(library.file)
            if probe and probe.version != library.version:
                self._let_go([library.file])
                probe = None
            if not probe:
                probe = Probed(library.version, [])
                if self.stopped:  # a file system may have held us up until then
                    return probe
                if len(self._probes) >= MAX_LIBRARIES:
                    self._say(f"there are more than {MAX_LIBRARIES} C libraries")
                    return probe
                self._probes[library.file] = probe
                with self._noting(pid):
                    self._keep(probe, self._attached(library))
            self._in_use.add(id(probe))
            return probe
        finally:
            os.close(library.fd)

    def _keep(self, probe: Probed, links: list[int]) -> None:
        """Keep what was attached, unless all has been let go in the meantime."""
        with self._opening:
            if self._open:
                probe.links.extend(links)
                return
        self._detach(links)

    def _detach(self, links: list[int]) -> None:
        self._leaving += links
        if self.process_ends and not self._open:
            close_soon(self._leaving, at_once=self._at_once)
        elif self._at_once:
            close_at_once(self._leaving)
        else:  # what is left at the stop is for close()
            close_each(self._leaving, lambda: self._open and self.stopped)

    def _attached(self, library: Library) -> list[int]:
        try:
            return self._attach(library)
        except ElfError as error:
            message = messages.CANT_PROBE
            raise KernelError(message, path=library.path, reason=error) from error

    @contextmanager
    def _noting(self, pid: int) -> Iterator[None]:
        """Turn errors with the library of a process into notices."""
        try:
            yield
        except KernelError as error:
            self.failure = self.failure or error
            self._note(pid, str(error))
        except OSError as error:
            if error.errno in EXHAUSTED:
                self._exhausted(error)
            else:
                self._note(pid, os.strerror(error.errno or 0))

    def _note(self, pid: int, reason: str) -> None:
        """Add a notice, up to a limit, because any user may start containers."""
        self._noted += 1
        if self._noted <= MAX_NOTICES:
            self.warnings.add(messages.NO_NAMES_OF_PROCESS, pid=pid, reason=reason)

    def _say(self, reason: str) -> None:
        """Add a notice, once, that a limit is reached."""
        if reason not in self._said:
            self._said.add(reason)
            self.warnings.add(messages.SOME_NAMES_MISSING, reason=reason)

    def _let_go(self, files: list[tuple[int, int]]) -> None:
        gone = [p for file in files if (p := self._probes.pop(file, None))]
        ids = set(map(id, gone))
        self._mapped = {f: p for f, p in self._mapped.items() if id(p) not in ids}
        self._detach([link for probe in gone for link in probe.links])

    def close(self) -> None:
        """Detach from all; what another thread attaches from now on is closed."""
        with self._opening:
            self._open = False
        if self._watch:
            self._watch.close()
        self._let_go(list(self._probes))
