"""What is attached, and stays when libbpf's object is closed. No TCP here."""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING

from tcpconnect import messages
from tcpconnect.bpf.maps import Maps
from tcpconnect.bpf.step import step

if TYPE_CHECKING:
    import ctypes


class Attached(Maps):
    """Links, iterators, and descriptors of maps and programs. Raises KernelError."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library
        self._links: list[int] = []
        self._held: list[int] = []
        self._iterators: list[int] = []  # descriptors, too
        self._fds: dict[str, int] = {}  # of maps, our own; also in _held

    def hold(self, fd: int) -> None:
        """Keep a descriptor open as long as this object."""
        self._held.append(fd)

    def release(self, fd: int) -> None:
        """Close a descriptor that was held."""
        self._held.remove(fd)
        os.close(fd)

    def keep_map(self, name: str) -> None:
        """Have a descriptor of our own for a map: libbpf closes its own."""
        if name not in self._fds:
            with step(messages.CANT_READ_MAP, name=name):
                self._fds[name] = os.dup(self.map_fd(name))
            self.hold(self._fds[name])

    def run_attached(self) -> None:
        """Run the programs that were attached to elements, once."""
        while self._iterators:
            fd = self._iterators.pop()
            with step(messages.CANT_ITERATE):
                try:
                    while os.read(fd, mmap.PAGESIZE):
                        pass
                finally:
                    os.close(fd)

    def detach_all(self) -> None:
        """Stop all programs; maps can still be read."""
        while self._links:
            self.library.bpf_link__destroy(self._links.pop())

    def close(self) -> None:
        """Give everything back to the kernel."""
        self.detach_all()
        for fds in (self._held, self._iterators):
            while fds:
                os.close(fds.pop())
        self._fds.clear()
