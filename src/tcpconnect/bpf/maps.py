"""Maps: their keys and values, read and written by descriptor once they are loaded."""

from __future__ import annotations

import ctypes
import mmap
import os
from ctypes import byref, c_uint32
from typing import TYPE_CHECKING

from tcpconnect import messages
from tcpconnect.bpf import libbpf
from tcpconnect.bpf.step import step
from tcpconnect.errors import KernelError
from tcpconnect.machine import capabilities
from tcpconnect.machine.capabilities import ALMIGHTY

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH = 4096  # entries of a map that are read in one call
ENOENT = 2
BPF_NOEXIST = 1


class Maps:
    """The maps of an object, by name. Methods raise KernelError."""

    library: ctypes.CDLL

    def map_fd(self, name: str) -> int:
        """Return the descriptor of a map."""
        raise NotImplementedError

    def values(self, name: str, size: int) -> bytes:
        """Return the values of an array map with BPF_F_MMAPABLE (v5.5), in a row."""
        with (
            step(messages.CANT_READ_MAP, name=name),
            mmap.mmap(self.map_fd(name), size, prot=mmap.PROT_READ) as mapped,
        ):
            return mapped[:]

    def fill(self, name: str, entries: dict[bytes, bytes]) -> None:
        """Set keys and values of a hash map (bpf_map_update_batch, v5.6)."""
        if entries:
            keys, values = b"".join(entries), b"".join(entries.values())
            count = c_uint32(len(entries))
            with step(messages.CANT_FILL_MAP, name=name):
                self.library.bpf_map_update_batch(
                    self.map_fd(name), keys, values, byref(count), None
                )

    def insert(self, name: str, key: bytes, value: bytes) -> bool:
        """Insert into a hash map; return whether the key was new."""
        update, fd = self.library.bpf_map_update_elem, self.map_fd(name)
        with step(messages.CANT_INSERT, name=name):
            try:
                update(fd, key, value, BPF_NOEXIST)
            except FileExistsError:
                return False
        return True

    def remove(self, name: str, key: bytes) -> bool:
        """Remove from a hash map; return whether the key was there."""
        delete, fd = self.library.bpf_map_delete_elem, self.map_fd(name)
        with step(messages.CANT_REMOVE, name=name):
            try:
                delete(fd, key)
            except FileNotFoundError:
                return False
        return True

    def entries(
        self, name: str, key_size: int, value_size: int
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield all keys and values of a map (bpf_map_lookup_batch, v5.6)."""
        keys = ctypes.create_string_buffer(BATCH * key_size)
        values = ctypes.create_string_buffer(BATCH * value_size)
        position = ctypes.create_string_buffer(max(key_size, 8))
        start, fd, more = None, self.map_fd(name), True
        while more:
            count = c_uint32(BATCH)
            failed = self.library.bpf_map_lookup_batch(
                fd, start, position, keys, values, byref(count), None
            )
            if failed and -failed != ENOENT:  # ENOENT: it was the last batch
                message, reason = messages.CANT_READ_MAP, os.strerror(-failed)
                raise KernelError(message, name=name, reason=reason, remedy="")
            more, start = not failed, position
            found_keys, found_values = keys.raw, values.raw
            for i in range(count.value):
                yield (
                    found_keys[i * key_size : (i + 1) * key_size],
                    found_values[i * value_size : (i + 1) * value_size],
                )

    def maps_are_guarded(self, name: str) -> bool:
        """Whether reading a map by its descriptor needs a capability.

        Linux commit c8644cd0efe7 ("bpf: refine kernel.unprivileged_bpf_disabled
        behaviour"), v5.19: it does not.
        """
        try:
            with capabilities.without("CAP_BPF", ALMIGHTY):
                libbpf.map_info(self.library, self.map_fd(name))
        except OSError:  # also if it can't be tried
            return True
        return False
