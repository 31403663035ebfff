"""Attaches programs to functions of open files, by offset, without reading them."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
from struct import Struct as Layout
from typing import TYPE_CHECKING

import msgspec

from tcpconnect.bpf.object import BPF_TRACE_UPROBE_MULTI
from tcpconnect.kernel.elf import MACHINE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_syscall = ctypes.CDLL(None, use_errno=True).syscall
BPF_SYSCALLS = {"x86_64": 321, "aarch64": 280}
PERF_SYSCALLS = {"x86_64": 298, "aarch64": 241}  # perf_event_open

# include/uapi/linux/bpf.h: of union bpf_attr link_create: prog_fd, target_fd,
# attach_type and flags, and of its uprobe_multi path, offsets, cnt, flags.
LINK = Layout("<IIIIQQ16xII8x")
BPF_LINK_CREATE = 28
BPF_F_UPROBE_MULTI_RETURN = 1

# include/uapi/linux/perf_event.h: struct perf_event_attr of 72 bytes: type, size,
# config; uprobe_path and probe_offset.
ATTRIBUTES = Layout("<IIQ40xQQ")
PERF_FLAG_FD_CLOEXEC = 8
PERF_EVENT_IOC_ENABLE, PERF_EVENT_IOC_SET_BPF = 0x2400, 0x40042408
TYPE = "/sys/bus/event_source/devices/uprobe/type"


class Probe(msgspec.Struct, frozen=True):
    """A program, by its descriptor, and the offsets in a file where it runs."""

    program_fd: int
    at_return: bool
    offsets: Sequence[int]


class Uprobes:
    """Attaches programs in the best way that the kernel has.

    ``multi``: without perf. ``program_fd`` is any of the programs, which have the
    attach type BPF_TRACE_UPROBE_MULTI; older kernels ignore it.
    Linux commit 89ae89f53d20 ("bpf: Add multi uprobe link"), v6.6.
    """

    def __init__(self, program_fd: int) -> None:
        nowhere = ctypes.create_string_buffer(b"")
        try:
            os.close(_multi(nowhere, Probe(program_fd, at_return=False, offsets=(0,))))
        except OSError as error:
            # What refuses no more than the place: it is no file, or is not there.
            self.multi = error.errno in {errno.EBADF, errno.ENOENT}
        self._type = 0 if self.multi else _perf_type()

    def attach(self, fd: int, probes: Iterable[Probe]) -> list[int]:
        """Attach programs to an open file; return descriptors: closed, they detach.

        All are attached or none. Raises OSError. With perf it takes CAP_SYS_ADMIN:
        Linux commit ba677dbe77af ("perf: Revert to requiring CAP_SYS_ADMIN for
        uprobes"), v6.16, which older series that are still maintained have, too.
        """
        path = ctypes.create_string_buffer(f"/proc/self/fd/{fd}".encode())
        links: list[int] = []
        try:
            for probe in probes:
                if self.multi:
                    links.append(_multi(path, probe))
                else:
                    links += (_perf(self._type, path, probe, o) for o in probe.offsets)
        except BaseException:
            for link in links:
                os.close(link)
            raise
        return links


def _perf_type() -> int:
    with open(TYPE, encoding="ascii") as file:
        return int(file.read())


def _multi(path: ctypes.Array[ctypes.c_char], probe: Probe) -> int:
    offsets = (ctypes.c_uint64 * len(probe.offsets))(*probe.offsets)
    addresses = ctypes.addressof(path), ctypes.addressof(offsets)
    flags = BPF_F_UPROBE_MULTI_RETURN if probe.at_return else 0
    attributes = LINK.pack(
        *(probe.program_fd, 0, BPF_TRACE_UPROBE_MULTI, 0),
        *(*addresses, len(offsets), flags),
    )
    number = BPF_SYSCALLS[MACHINE]
    return _checked(_syscall(number, BPF_LINK_CREATE, attributes, len(attributes)))


def _perf(
    kind: int, path: ctypes.Array[ctypes.c_char], probe: Probe, offset: int
) -> int:
    place = ctypes.addressof(path), offset
    attributes = ATTRIBUTES.pack(kind, ATTRIBUTES.size, probe.at_return, *place)
    fd = perf_event_open(attributes, 0)
    try:
        fcntl.ioctl(fd, PERF_EVENT_IOC_SET_BPF, probe.program_fd)
        fcntl.ioctl(fd, PERF_EVENT_IOC_ENABLE, 0)
    except BaseException:
        os.close(fd)
        raise
    return fd


def perf_event_open(attributes: bytes, cpu: int) -> int:
    """Open an event of perf for all processes on a CPU. Raises OSError."""
    number = PERF_SYSCALLS[MACHINE]
    return _checked(_syscall(number, attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC))


def _checked(result: int) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result
