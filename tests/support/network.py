"""Network namespaces, made by system calls: a process of ip(8) for each takes time."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.system import CLONE_NEWNET, MNT_DETACH, MS_BIND, checked, libc, sh

if TYPE_CHECKING:
    from collections.abc import Iterator

SIOCSIFFLAGS, IFF_UP = 0x8914, 1
NAMED = Path("/run/netns")  # where ip(8) looks for them


def set_lo_up(any_socket: socket.socket) -> None:
    """Bring lo up in the network namespace of a socket."""
    request = struct.pack("16sh14x", b"lo", IFF_UP)
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, request)


class NetNs:
    """A network namespace with lo up, which ip(8) knows; removed after the test."""

    made = 0

    def __init__(self) -> None:
        NetNs.made += 1
        self.name = f"tcpc-{os.getpid()}-{NetNs.made}"
        self.path = f"{NAMED}/{self.name}"
        # What "ip netns add" does, and "ip link set lo up": each process takes time.
        NAMED.mkdir(exist_ok=True)
        Path(self.path).touch(exist_ok=False)
        with at_home():
            checked(libc.unshare(CLONE_NEWNET))
            ours = b"/proc/thread-self/ns/net"
            checked(libc.mount(ours, self.path.encode(), b"none", MS_BIND, None))
            with socket.socket() as any_socket:
                set_lo_up(any_socket)
        self.inode = os.stat(self.path).st_ino

    def ip(self, command: str) -> None:
        """Run an ip command in it."""
        sh(f"ip -n {self.name} {command}")

    def sysctl(self, *settings: str) -> None:
        """Set sysctls of it, such as net.ipv4.ip_forward=1."""
        with inside(self):
            for setting in settings:
                name, _, value = setting.partition("=")
                Path("/proc/sys", name.replace(".", "/")).write_text(value)

    def enter(self) -> None:
        """Move this thread into it."""
        fd = os.open(self.path, os.O_RDONLY)
        try:
            checked(libc.setns(fd, CLONE_NEWNET))
        finally:
            os.close(fd)

    def remove(self) -> None:
        """Take its name away; it goes when nothing uses it."""
        checked(libc.umount2(self.path.encode(), MNT_DETACH))
        os.unlink(self.path)


@contextmanager
def at_home() -> Iterator[None]:
    """Bring this thread back into the network namespace that it has now."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        yield
    finally:
        checked(libc.setns(home, CLONE_NEWNET))
        os.close(home)


@contextmanager
def inside(space: NetNs) -> Iterator[None]:
    """Run the body in another network namespace; sockets made in it stay there."""
    with at_home():
        space.enter()
        yield
