"""C libraries that processes map to execute: new mappings, and existing ones."""

from __future__ import annotations

import errno
import mmap
import os
import re
import select
from _thread import allocate_lock  # threading takes a millisecond to import
from struct import Struct as Layout
from typing import TYPE_CHECKING

import msgspec

from tcpconnect import messages
from tcpconnect.bpf.step import step
from tcpconnect.kernel.uprobes import perf_event_open
from tcpconnect.machine.capabilities import ALMIGHTY

if TYPE_CHECKING:
    from collections.abc import Iterator

# include/uapi/linux/perf_event.h: struct perf_event_attr of 64 bytes (type, size,
# config, sample_period, sample_type, read_format, flags, wakeup_watermark),
# PERF_TYPE_SOFTWARE, PERF_COUNT_SW_DUMMY, and the flags exclude_kernel, exclude_hv,
# mmap, watermark and mmap2.
ATTRIBUTES = Layout("<IIQQQQQI12x")
SOFTWARE, DUMMY = 1, 9
FLAGS = 1 << 5 | 1 << 6 | 1 << 8 | 1 << 14 | 1 << 23

# struct perf_event_mmap_page: data_head and data_tail. The records follow its page.
HEAD_AT, TAIL_AT = 1024, 1032
BUFFER_BYTES = 1 << 16  # of each CPU: about 500 mappings
HEADER = Layout("<IHH")  # struct perf_event_header: type, misc, size
# Of PERF_RECORD_MMAP2 after it: pid, tid, addr, len, pgoff, maj, min, ino,
# ino_generation, prot, flags; then the path. (Unused ones are skipped.)
MAPPED = Layout("<I4xQQ8xIIQ16x")
RECORD_LOST, RECORD_MMAP2 = 2, 10

# glibc and musl, by all names of their files.
C_LIBRARY = (
    rb"(?:/[^\n]*)?/(?:libc\.so(?:\.6)?|libc-[0-9.]+\.so"
    rb"|(?:libc\.musl|ld-musl)-[\w-]+\.so\.1)"
)
IS_C_LIBRARY = re.compile(C_LIBRARY)
# A line of /proc/PID/maps: range, permissions, offset, device, inode, path.
LINE = re.compile(
    rb"^(\w+)-(\w+) ..x. \w+ (\w+):(\w+) (\d+) +(%b)(?: \(deleted\))?$" % C_LIBRARY,
    re.MULTILINE,
)
MAPS_BYTES = 1 << 20

# What says nothing of a process or a file, but that this machine, or we, have no more.
EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


class Mapping(msgspec.Struct, frozen=True):
    """A C library that a process has mapped to execute it.

    ``file`` is its device and inode, as in mappings: on overlayfs and btrfs they may
    differ from those of fstat(2). ``path`` is as the process sees it.
    """

    pid: int
    start: int
    end: int
    file: tuple[int, int]
    path: bytes


def mapped(pid: int) -> Iterator[Mapping]:
    """Yield the C libraries that a process has mapped; none if access is denied.

    Each is yielded once: a process may have mapped it ten thousand times. Raises
    OSError when this machine has no descriptors or memory left.
    """
    seen = set()
    for start, end, major, minor, inode, path in LINE.findall(_maps(pid)):
        key = _file(int(major, 16), int(minor, 16), int(inode))
        if key in seen:
            continue
        seen.add(key)
        yield Mapping(pid, int(start, 16), int(end, 16), key, path)


def _maps(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/maps", "rb") as file:
            return file.read(MAPS_BYTES)
    except OSError as error:
        if error.errno in EXHAUSTED:
            raise
        return b""


def online(path: str = "/sys/devices/system/cpu/online") -> set[int]:
    """Return the CPUs that are on; the file has them as 0-3,8. Raises OSError."""
    with open(path, encoding="ascii") as file:
        ranges = [part.split("-") for part in file.read().strip().split(",") if part]
    return {cpu for r in ranges for cpu in range(int(r[0]), int(r[-1]) + 1)}


class Mappings:
    """Every mapping of a C library on this machine, from now until ``close``.

    A dummy perf event, which counts nothing, makes the kernel report mappings on each
    CPU. Raises KernelError.
    """

    def __init__(self) -> None:
        self.lost = False  # whether some did not fit the buffers
        self._buffers: dict[int, _Buffer] = {}  # by CPU
        self._epoll = select.epoll()
        try:
            # On Debian perf needs it (perf_event_paranoid is 3).
            with step(messages.CANT_WATCH_MAPPINGS, ALMIGHTY):
                self._add_all(online())
        except BaseException:
            self.close()
            raise

    def _add_all(self, cpus: set[int]) -> None:
        for cpu in cpus - self._buffers.keys():
            try:
                buffer = _Buffer(cpu)
            except OSError as error:
                if error.errno != errno.ENODEV:
                    raise
                continue  # it has just been switched off
            self._buffers[cpu] = buffer
            self._epoll.register(buffer.fd, select.EPOLLIN | select.EPOLLET)

    def complete(self) -> None:
        """Watch the CPUs that were switched on since, and leave those that are off.

        The event of a CPU ends when it is switched off. What was mapped until now on
        one that is new is lost, and goes on to be where the capability to watch it has
        been given up.
        """
        try:
            cpus = online()
            for cpu in self._buffers.keys() - cpus:
                self.lost = True
                self._buffers.pop(cpu).close()
            if cpus - self._buffers.keys():
                self.lost = True
                self._add_all(cpus)
        except OSError:
            self.lost = True

    def fileno(self) -> int:
        """Return a descriptor that is readable when something was mapped."""
        return self._epoll.fileno()

    def read(self) -> tuple[bool, list[Mapping]]:
        """Return whether anything was mapped, and the C libraries that were."""
        self._epoll.poll(0)  # consume the edge of EPOLLET
        anything = False
        found: list[Mapping] = []
        for buffer in self._buffers.values():
            records = buffer.read()
            anything = anything or bool(records)
            found += self._libraries(records)
        return anything, found

    def _libraries(self, records: bytes) -> Iterator[Mapping]:
        position = 0
        while position < len(records):
            kind, _, size = HEADER.unpack_from(records, position)
            behind = position + HEADER.size
            position += size
            if kind == RECORD_LOST:
                self.lost = True
            elif kind == RECORD_MMAP2:
                path = records[behind + MAPPED.size : position].rstrip(b"\0")
                if IS_C_LIBRARY.fullmatch(path):
                    pid, start, length, *file = MAPPED.unpack_from(records, behind)
                    yield Mapping(pid, start, start + length, _file(*file), path)

    def close(self) -> None:
        """End it."""
        while self._buffers:
            self._buffers.popitem()[1].close()
        self._epoll.close()


class _Buffer:
    """The event of a CPU, and the buffer of its records."""

    def __init__(self, cpu: int) -> None:
        self.fd = _perf_event_open(cpu)
        page = mmap.PAGESIZE
        self._size = max(BUFFER_BYTES, page)
        try:
            self._map = mmap.mmap(self.fd, page + self._size)
        except BaseException:
            os.close(self.fd)
            raise
        self._view = memoryview(self._map)
        self._positions = self._view[HEAD_AT : TAIL_AT + 8].cast("Q")
        self._data = self._view[page:]
        self._fence = allocate_lock()

    def read(self) -> bytes:
        """Return all records, and free their space."""
        head, tail = self._positions
        if head == tail:
            return b""
        start, end = tail % self._size, head % self._size
        # The records must be read after the head, and before their space is freed: a
        # lock is Python's memory barrier, as in ring.py.
        with self._fence:
            if start < end:
                records = bytes(self._data[start:end])
            else:
                records = bytes(self._data[start:]) + bytes(self._data[:end])
        self._positions[1] = head
        return records

    def close(self) -> None:
        """Unmap, and end the event."""
        for view in (self._positions, self._data, self._view):
            view.release()
        self._map.close()
        os.close(self.fd)


def _perf_event_open(cpu: int) -> int:
    """Open the event for all processes on a CPU."""
    attributes = ATTRIBUTES.pack(SOFTWARE, ATTRIBUTES.size, DUMMY, 0, 0, 0, FLAGS, 1)
    return perf_event_open(attributes, cpu)


def _file(major: int, minor: int, inode: int) -> tuple[int, int]:
    return os.makedev(major, minor), inode
