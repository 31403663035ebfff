"""Read-only data of the tracer, set before the load."""

from __future__ import annotations

from ctypes import Structure, c_uint8, c_uint16, c_uint32, c_uint64
from enum import IntFlag
from typing import TYPE_CHECKING

from tcpconnect.bpf.btf import STRUCT
from tcpconnect.machine import cgroup
from tcpconnect.machine.cgroup import MAX_LEVELS

if TYPE_CHECKING:
    from tcpconnect.bpf.kernel_types import KernelTypes

PORT_WORDS = 1024
SOME_PORTS, ONLY_NOT_PORTS = 1, 2  # enum by_port


class Detail(IntFlag):
    """Enum detail."""

    PPID = 1 << 0
    MNTNS = 1 << 1
    EXE = 1 << 2
    CMDLINE = 1 << 3
    CGROUP = 1 << 4
    LEGACY = 1 << 5
    COMM = 1 << 6
    UID = 1 << 7
    NETNS = 1 << 8
    CGROUP_ID = 1 << 9
    START = 1 << 10


# What needs process records.
IMAGE = Detail.EXE | Detail.CMDLINE | Detail.CGROUP | Detail.LEGACY
# What is not in the socket, nor given by a helper: enum depth.
OF_OWNER = Detail.NETNS | Detail.CGROUP_ID | Detail.START
OF_IMAGE = IMAGE | Detail.PPID | Detail.MNTNS


class Networks(Structure):
    """Struct networks."""

    _fields_ = (
        ("ipv4_changes", c_uint32),
        ("ipv4_steps", c_uint32),
        ("ipv6_changes", c_uint32),
        ("ipv6_steps", c_uint32),
    )


class Config(Structure):
    """Struct config."""

    _fields_ = (
        ("slower_ns", c_uint64),
        ("track", c_uint8),
        ("wait_end", c_uint8),
        ("count", c_uint8),
        ("failed", c_uint8),
        ("ip", c_uint8),
        ("by_port", c_uint8),
        ("task_filters", c_uint16),
        ("details", c_uint16),
        ("address_filters", c_uint8),
        ("slot_shift", c_uint8),
        ("preemptible", c_uint8),
        ("explain", c_uint8),
        ("drops", c_uint8),
        ("connecting", c_uint8),
        ("refusals", c_uint8),
        ("reserved", c_uint8 * 7),
        ("sock_type", c_uint32),
        ("tcp_sock_type", c_uint32),
        ("level_count", c_uint64),
        ("levels", c_uint8 * MAX_LEVELS),
        ("ports", c_uint64 * PORT_WORDS),
        ("to", Networks),
        ("not_to", Networks),
        ("from", Networks),
    )

    def set_types(self, types: KernelTypes) -> None:
        """Set the numbers of types, for programs whose pointers have none."""
        self.sock_type = types.number(b"sock", STRUCT)
        self.tcp_sock_type = types.number(b"tcp_sock", STRUCT)


def detail_bits(details: frozenset[str]) -> Detail:
    """Return the bits of details of processes."""
    bits = Detail(0)
    for name in details:
        bits |= Detail[name.upper()]
    if Detail.CGROUP in bits and cgroup.has_legacy():
        bits |= Detail.LEGACY
    return bits
