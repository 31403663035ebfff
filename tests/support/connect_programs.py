"""What else decides about connect(): a BPF program of a cgroup, and Landlock."""

from __future__ import annotations

import ctypes
import errno
import os
from contextlib import contextmanager
from pathlib import Path
from socket import AF_INET, SOCK_DGRAM, inet_aton, socket
from struct import pack
from typing import TYPE_CHECKING

from tcpconnect.bpf.libbpf import LIBRARY
from tcpconnect.kernel.elf import MACHINE
from tcpconnect.kernel.uprobes import BPF_LINK_CREATE, BPF_SYSCALLS, LINK
from tests.support.processes import unified
from tests.support.system import checked, libc
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

# include/uapi/linux/bpf.h
BPF_PROG_LOAD, BPF_RAW_TRACEPOINT_OPEN = 5, 17
BPF_PROG_TYPE_LSM, BPF_LSM_MAC = 29, 27
BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT = 18, 10
# Instructions, as struct bpf_insn: code, registers, offset, value.
PASS = pack("<BBhi", 0xB7, 0, 0, 1) + pack("<BBhi", 0x95, 0, 0, 0)
RETURN_0 = pack("<BBhi", 0xB7, 0, 0, 0) + pack("<BBhi", 0x95, 0, 0, 0)


def rewrite(address: str, port: int) -> bytes:
    """Return a program that puts another destination in the place of every one."""
    values = {4: inet_aton(address), 24: pack(">HH", port, 0)}  # of bpf_sock_addr
    code = b""
    for offset, value in values.items():
        code += pack("<BBh4s", 0xB4, 2, 0, value)  # w2 = value
        code += pack("<BBhi", 0x63, 0x21, offset, 0)  # *(u32 *)(r1 + offset) = w2
    return code + PASS


# include/uapi/linux/landlock.h, and the calls' numbers on all machines but alpha.
CREATE_RULESET, RESTRICT_SELF = 444, 446
LANDLOCK_CREATE_RULESET_VERSION = 1
LANDLOCK_ACCESS_NET_CONNECT_TCP = 2
TCP_SINCE = 4  # version of Landlock, Linux 6.7
PR_SET_NO_NEW_PRIVS = 38


@contextmanager
def program(code: bytes) -> Iterator[None]:
    """Have this process in a cgroup where a program runs at each connect to IPv4."""
    top = unified()
    home = top / Path("/proc/self/cgroup").read_text().rsplit("::/", 1)[1].strip()
    folder = top / f"tcpc-connect-{os.getpid()}"
    folder.mkdir()
    try:
        with attached(code, folder):
            (folder / "cgroup.procs").write_text("0")
            yield
    finally:
        (home / "cgroup.procs").write_text("0")
        wait_until(lambda: _removed(folder), "the cgroup to be empty")


@contextmanager
def attached(code: bytes, folder: Path) -> Iterator[None]:
    """Have a program attached to the connects to IPv4 of a cgroup."""
    opened = os.open(folder, os.O_RDONLY)
    loaded = _load(code, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT)
    numbers = (loaded, opened, BPF_CGROUP_INET4_CONNECT, 0)
    link = _bpf(BPF_LINK_CREATE, LINK.pack(*numbers, 0, 0, 0, 0))
    try:
        yield
    finally:
        for fd in (link, loaded, opened):
            os.close(fd)


def _removed(folder: Path) -> bool:
    """Remove a cgroup; return whether it was empty, as it is soon."""
    try:
        folder.rmdir()
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True


def _load(code: bytes, kind: int, attach: int, function: int = 0) -> int:
    text = ctypes.create_string_buffer(code, len(code))
    license_ = ctypes.create_string_buffer(b"GPL")
    addresses = ctypes.addressof(text), ctypes.addressof(license_)
    start = pack("<IIQQ", kind, len(code) // 8, *addresses)
    middle = pack("<IIQII16sII", 0, 0, 0, 0, 0, b"", 0, attach)
    return _bpf(BPF_PROG_LOAD, start + middle + pack("<IIQIIQII", *[0] * 7, function))


def _bpf(command: int, attributes: bytes) -> int:
    number = BPF_SYSCALLS[MACHINE]
    return _opened(libc.syscall(number, command, attributes, len(attributes)))


@contextmanager
def lsm(pid: int, error: int) -> Iterator[None]:
    """Have a BPF LSM program deny all connects of a process, with this errno.

    Raises OSError where such programs can't be attached.
    """
    find = ctypes.CDLL(LIBRARY).libbpf_find_vmlinux_btf_id
    hook = _opened(find(b"socket_connect", BPF_LSM_MAC))
    loaded = _load(_deny(pid, error), BPF_PROG_TYPE_LSM, BPF_LSM_MAC, hook)
    try:
        link = _bpf(BPF_RAW_TRACEPOINT_OPEN, pack("<QII", 0, loaded, 0))
    finally:
        os.close(loaded)
    try:
        yield
    finally:
        os.close(link)


def has_bpf_lsm() -> bool:
    """Whether BPF LSM programs are called; on some kernels they are only attached."""
    try:
        with lsm(os.getpid(), errno.EPERM), socket(AF_INET, SOCK_DGRAM) as client:
            return client.connect_ex(("127.0.0.1", 9)) == errno.EPERM
    except OSError:
        return False


def _deny(pid: int, error: int) -> bytes:
    """Return a program that returns an errno to a process, and 0 to others."""
    return (
        pack("<BBhi", 0x85, 0, 0, 14)  # call bpf_get_current_pid_tgid()
        + pack("<BBhi", 0x77, 0, 0, 32)  # r0 >>= 32
        + pack("<BBhi", 0x15, 0, 2, pid)  # if r0 == pid goto +2
        + RETURN_0
        + pack("<BBhi", 0xB7, 0, 0, -error)  # r0 = -error
        + pack("<BBhi", 0x95, 0, 0, 0)  # exit
    )


def has_landlock() -> bool:
    """Whether Landlock is there, and can deny TCP."""
    version = libc.syscall(CREATE_RULESET, 0, 0, LANDLOCK_CREATE_RULESET_VERSION)
    return int(version) >= TCP_SINCE


def deny_tcp() -> None:
    """Have Landlock deny all TCP connects of this process from now on."""
    handled = pack("<QQ", 0, LANDLOCK_ACCESS_NET_CONNECT_TCP)
    ruleset = _opened(libc.syscall(CREATE_RULESET, handled, len(handled), 0))
    checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    checked(libc.syscall(RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def _opened(fd: int) -> int:
    """Return a descriptor. Raises OSError when a system call has returned none."""
    if fd < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return fd
