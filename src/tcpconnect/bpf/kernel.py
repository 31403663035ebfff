"""KernelSource: the BPF program loaded, set, attached, read, and its losses counted."""

from __future__ import annotations

import ctypes
import mmap
import os
import time
from ctypes import Structure, byref, c_size_t, c_uint8, c_uint32, c_uint64
from pathlib import Path
from struct import Struct as Layout
from typing import TYPE_CHECKING, Any, NamedTuple

from tcpconnect.bpf import libbpf, pinned
from tcpconnect.bpf.ring import Ring, Run
from tcpconnect.bpf.steps import Log, Step
from tcpconnect.connection import LAYOUT, PENDING
from tcpconnect.errors import KernelError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcpconnect.settings import Settings

OBJECT = Path(__file__).with_name("tcpconnect.bpf.o")
MAX_PENDING = 65536
MAX_FLOWS = 131072


class Config(Structure):
    """Struct config of types.h."""

    _fields_ = (
        ("slower_ns", c_uint64),
        ("track", c_uint8),
        ("wait_end", c_uint8),
        ("count", c_uint8),
        ("failed", c_uint8),
        ("ip", c_uint8),
        ("by_pid", c_uint8),
        ("by_uid", c_uint8),
        ("by_port", c_uint8),
        ("by_cgroup", c_uint8),
        ("by_mntns", c_uint8),
        ("reserved", c_uint8 * 6),
        ("ports", c_uint64 * 1024),
    )


class Progress(Structure):
    """Struct progress of types.h, in memory shared with the program."""

    _fields_ = (
        ("first_ns", c_uint64),
        ("lost_ring", c_uint64),
        ("lost_flows", c_uint64),
        ("untracked", c_uint64),
    )


# struct flow with struct flow_counts of types.h.
FLOW = Layout("<16s16sHxx")
FLOW_COUNTS = Layout("<QQQQQ")
LATENCY_SLOTS = 64


class Losses(NamedTuple):
    """Attempts that are not shown, or not shown whole, since tracing began.

    ``ring``: the ring buffer was full; ``flows``: no room for another flow of -c;
    ``untracked``: shown without a result, since too many were pending; ``missed``: runs
    of the program that the kernel skipped because it interrupted itself, whatever the
    socket.
    """

    ring: int = 0
    flows: int = 0
    untracked: int = 0
    missed: int = 0


class KernelSource:
    """The tracer in the kernel: attached from the constructor until ``detach``.

    Everything that it made in the kernel hangs on this process's file descriptors, so
    that nothing is left behind however the process ends.

    Raises KernelError with the step that failed, UsageError for maps of a wrong shape.
    """

    def __init__(self, library: ctypes.CDLL, settings: Settings) -> None:
        self._bpf = library
        self._log = Log(library, echo=settings.verbose)
        self._settings = settings
        self._link = 0
        self._object = 0
        self._ring: Ring | None = None
        try:
            self._load()
        except BaseException:
            self.close()
            raise

    def _load(self) -> None:
        settings = self._settings
        image = OBJECT.read_bytes()
        options = libbpf.OpenOptions(ctypes.sizeof(libbpf.OpenOptions), b"tcpconnect")
        with self._step("open the BPF object"):
            self._object = self._bpf.bpf_object__open_mem(
                image, len(image), byref(options)
            )
        self._size_maps()
        self._configure()
        with self._step("load the BPF program"):
            self._bpf.bpf_object__load(self._object)
        for name, values in (("pids", settings.pids), ("uids", settings.uids)):
            self._fill(name, values)
        # libbpf maps variables for skeletons only: bpf_map__initial_value still gives
        # what they were before the load.
        variables = mmap.mmap(self._map_fd(".bss"), mmap.PAGESIZE)
        self._progress = Progress.from_buffer(variables)
        self._ring = Ring(self._map_fd("ring"), settings.ring_bytes)
        self._program = self._bpf.bpf_object__find_program_by_name(
            self._object, b"inet_sock_set_state"
        )
        with self._step("attach to tracepoint inet_sock_set_state"):
            self._link = self._bpf.bpf_program__attach(self._program)

    def _step(self, what: str) -> Step:
        return Step(what, self._log)

    def _map(self, name: str) -> int:
        pointer: int = self._bpf.bpf_object__find_map_by_name(
            self._object, name.encode()
        )
        return pointer

    def _map_fd(self, name: str) -> int:
        fd: int = self._bpf.bpf_map__fd(self._map(name))
        return fd

    def _size_maps(self) -> None:
        settings = self._settings
        sizes = {
            "ring": settings.ring_bytes,
            "pids": len(settings.pids),
            "uids": len(settings.uids),
            "pending": MAX_PENDING if settings.track else 1,
            "flows": MAX_FLOWS if settings.count else 1,
        }
        for name, size in sizes.items():
            self._bpf.bpf_map__set_max_entries(self._map(name), max(size, 1))
        if settings.cgroupmap:
            self._take("cgroups", "--cgroupmap", settings.cgroupmap)
        if settings.mntnsmap:
            self._take("mntnses", "--mntnsmap", settings.mntnsmap)

    def _configure(self) -> None:
        settings = self._settings
        config = Config.from_address(
            self._bpf.bpf_map__initial_value(self._map(".rodata"), byref(c_size_t()))
        )
        config.slower_ns = round(settings.slower_ms * 1e6)
        config.track = settings.track
        config.wait_end = settings.wait_end
        config.count = settings.count
        config.failed = settings.failed
        config.ip = settings.ip
        config.by_pid = bool(settings.pids)
        config.by_uid = bool(settings.uids)
        config.by_port = bool(settings.ports)
        config.by_cgroup = bool(settings.cgroupmap)
        config.by_mntns = bool(settings.mntnsmap)
        for port in settings.ports:
            config.ports[port // 64] |= 1 << port % 64

    def _fill(self, name: str, values: frozenset[int]) -> None:
        fd = self._map_fd(name)
        one = c_uint8(1)
        with self._step(f"fill the set of {name}"):
            for value in values:
                self._bpf.bpf_map_update_elem(fd, byref(c_uint32(value)), byref(one), 0)

    def _take(self, name: str, option: str, path: str) -> None:
        """Put the pinned map at ``path`` in the place of our map ``name``."""
        fd = pinned.open_map(self._bpf, option, path)
        try:
            with self._step(f"use the map {path}"):
                self._bpf.bpf_map__reuse_fd(self._map(name), fd)
        finally:
            os.close(fd)

    def fileno(self) -> int:
        """Return the descriptor that is readable when there are records."""
        return self._map_fd("ring")

    @property
    def backlog(self) -> bool:
        """Whether the last ``read`` left something to read at once."""
        return self._ring is not None and self._ring.backlog

    @property
    def first_ns(self) -> int:
        """CLOCK_MONOTONIC of the first attempt, 0 before."""
        return int(self._progress.first_ns)

    @property
    def losses(self) -> Losses:
        """What was not shown until now."""
        progress = self._progress
        return Losses(
            progress.lost_ring,
            progress.lost_flows,
            progress.untracked,
            self.program_info().recursion_misses,
        )

    def program_info(self) -> libbpf.ProgramInfo:
        """Return the program's statistics (times only while bpf_stats_enabled)."""
        info = libbpf.ProgramInfo()
        size = c_uint32(ctypes.sizeof(info))
        fd = self._bpf.bpf_program__fd(self._program)
        self._bpf.bpf_obj_get_info_by_fd(fd, byref(info), byref(size))
        return info

    def read(self) -> list[Run]:
        """Return the next records of the ring, none when there are none."""
        return self._ring.read() if self._ring else []

    def pending(self) -> Iterator[tuple[Any, ...]]:
        """Yield the records of attempts that have not ended, with their age.

        Call it after ``detach``.
        """
        now = time.monotonic_ns()
        for _, value in self._entries("pending", 8, LAYOUT.size):
            began, _, *who, result, ip, comm = LAYOUT.unpack(value)
            if self._settings.wait_end:
                result = PENDING
            yield (began, now - began, *who, result, ip, comm)

    def flows(self) -> Iterator[tuple[bytes, bytes, int, int, int, int, int, int]]:
        """Yield saddr, daddr, dport, then the members of struct flow_counts."""
        for key, value in self._entries("flows", FLOW.size, FLOW_COUNTS.size):
            yield FLOW.unpack(key) + FLOW_COUNTS.unpack(value)

    def histogram(self) -> list[int]:
        """Return how many latencies lay in 2^n to 2^(n+1)-1 us, for each n."""
        entries = self._entries("histogram", 4, 8)
        return [int.from_bytes(value, "little") for _, value in entries]

    def _entries(
        self, name: str, key_size: int, value_size: int
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield all keys and values of a map (bpf_map_lookup_batch, v5.6)."""
        room = 4096
        keys = ctypes.create_string_buffer(room * key_size)
        values = ctypes.create_string_buffer(room * value_size)
        position = ctypes.create_string_buffer(max(key_size, 8))
        start, fd, more = None, self._map_fd(name), True
        while more:
            count = c_uint32(room)
            failed = self._bpf.bpf_map_lookup_batch(
                fd, start, position, keys, values, byref(count), None
            )
            if failed and -failed != 2:  # ENOENT: that was the last batch
                raise KernelError(f"can't read map {name}", os.strerror(-failed))
            more, start = not failed, position
            for i in range(count.value):
                yield (
                    keys.raw[i * key_size : (i + 1) * key_size],
                    values.raw[i * value_size : (i + 1) * value_size],
                )

    def detach(self) -> None:
        """Stop the program; what it has written can still be read."""
        if self._link:
            self._bpf.bpf_link__destroy(self._link)
            self._link = 0

    def close(self) -> None:
        """Give everything back to the kernel."""
        self.detach()
        if self._ring:
            self._ring.close()
            self._ring = None
        if self._object:
            self._bpf.bpf_object__close(self._object)
            self._object = 0
