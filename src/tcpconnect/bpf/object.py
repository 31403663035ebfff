"""A BPF object file: opened, set, loaded, attached. No TCP in here."""

from __future__ import annotations

import ctypes
import mmap
import os
from contextlib import contextmanager
from ctypes import byref, c_size_t, c_uint32
from typing import TYPE_CHECKING

from tcpconnect.bpf import libbpf
from tcpconnect.errors import KernelError

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH = 4096  # entries of a map that are read in one call
ENOENT = 2
BPF_NOEXIST = 1


class BpfObject:
    """One of the package's objects. Whatever it makes hangs on our descriptors.

    Its methods raise KernelError, which names the step that failed.
    """

    def __init__(self, library: ctypes.CDLL, name: str) -> None:
        self.library = library
        self._links: list[int] = []
        options = libbpf.OpenOptions(ctypes.sizeof(libbpf.OpenOptions), b"tcpconnect")
        with step(f"open the BPF object {name}"):
            with open(f"{os.path.dirname(__file__)}/{name}.bpf.o", "rb") as file:
                image = file.read()
            self._object: int = library.bpf_object__open_mem(
                image, len(image), byref(options)
            )

    def _map(self, name: str) -> int:
        with step(f"find the map {name}"):
            pointer: int = self.library.bpf_object__find_map_by_name(
                self._object, name.encode()
            )
        return pointer

    def map_fd(self, name: str) -> int:
        """Return the descriptor of a map, once loaded."""
        fd: int = self.library.bpf_map__fd(self._map(name))
        return fd

    def resize(self, name: str, entries: int) -> None:
        """Set how many entries a map has room for, before the load; one at least."""
        with step(f"size the map {name}"):
            self.library.bpf_map__set_max_entries(self._map(name), max(entries, 1))

    def resize_value(self, name: str, size: int) -> None:
        """Set how many bytes a value of a map has, before the load."""
        with step(f"size the values of the map {name}"):
            self.library.bpf_map__set_value_size(self._map(name), size)

    def replace(self, name: str, fd: int) -> None:
        """Put the map that ``fd`` refers to in the place of ours, before the load."""
        with step(f"replace the map {name}"):
            self.library.bpf_map__reuse_fd(self._map(name), fd)

    def constants(self) -> int:
        """Return the address of the read-only variables; written before the load."""
        with step("find the constants"):
            address: int = self.library.bpf_map__initial_value(
                self._map(".rodata"), byref(c_size_t())
            )
        return address

    def leave_out(self, *names: str) -> None:
        """Do not load these programs."""
        for name in names:
            with step(f"leave out the program {name}"):
                program = self.program(name)
                self.library.bpf_program__set_autoload(program, False)  # noqa: FBT003

    def leave_out_maps(self, *names: str) -> None:
        """Do not make these maps: no code that the constants leave uses them."""
        for name in names:
            with step(f"leave out the map {name}"):
                self.library.bpf_map__set_autocreate(self._map(name), 0)

    def load(self) -> None:
        """Let the kernel verify and take the programs."""
        with step("load the BPF programs"):
            self.library.bpf_object__load(self._object)

    def variables(self) -> mmap.mmap:
        """Return the variables in memory that is shared with the programs.

        (libbpf maps them for skeletons only: bpf_map__initial_value goes on to give
        what they were before the load.)
        """
        return mmap.mmap(self.map_fd(".bss"), mmap.PAGESIZE)

    def program(self, name: str) -> int:
        """Return libbpf's handle of a program."""
        with step(f"find the program {name}"):
            pointer: int = self.library.bpf_object__find_program_by_name(
                self._object, name.encode()
            )
        return pointer

    def attach(self, name: str) -> None:
        """Attach a program to what its section says."""
        with step(f"attach to {name}"):
            self._links.append(self.library.bpf_program__attach(self.program(name)))

    def attach_cgroup(self, name: str, cgroup_fd: int) -> None:
        """Attach a program to a cgroup and all below it."""
        with step(f"attach {name} to the cgroup"):
            link = self.library.bpf_program__attach_cgroup(
                self.program(name), cgroup_fd
            )
            self._links.append(link)

    def attach_uprobe(
        self, name: str, path: str, function: str, *, at_return: bool
    ) -> int:
        """Attach a program to a function of a library; returns a link to ``detach``."""
        options = libbpf.UprobeOptions(ctypes.sizeof(libbpf.UprobeOptions))
        options.retprobe = at_return
        options.func_name = function.encode()
        with step(f"attach to {function} of {path}"):
            link: int = self.library.bpf_program__attach_uprobe_opts(
                self.program(name), -1, os.fsencode(path), 0, byref(options)
            )
        self._links.append(link)
        return link

    def detach(self, link: int) -> None:
        """Detach one program."""
        self._links.remove(link)
        self.library.bpf_link__destroy(link)

    def detach_all(self) -> None:
        """Stop all programs; maps can still be read."""
        while self._links:
            self.library.bpf_link__destroy(self._links.pop())

    def info(self, name: str) -> libbpf.ProgramInfo:
        """Return a program's statistics (times only while bpf_stats_enabled)."""
        info = libbpf.ProgramInfo()
        size = c_uint32(ctypes.sizeof(info))
        fd = self.library.bpf_program__fd(self.program(name))
        self.library.bpf_obj_get_info_by_fd(fd, byref(info), byref(size))
        return info

    def fill(self, name: str, entries: dict[bytes, bytes]) -> None:
        """Set keys and values of a hash map (bpf_map_update_batch, v5.6)."""
        if entries:
            keys, values = b"".join(entries), b"".join(entries.values())
            count = c_uint32(len(entries))
            with step(f"fill the map {name}"):
                self.library.bpf_map_update_batch(
                    self.map_fd(name), keys, values, byref(count), None
                )

    def insert(self, name: str, key: bytes, value: bytes) -> bool:
        """Insert into a hash map; return whether the key was new."""
        update, fd = self.library.bpf_map_update_elem, self.map_fd(name)
        with step(f"insert into the map {name}"):
            try:
                update(fd, key, value, BPF_NOEXIST)
            except FileExistsError:
                return False
        return True

    def remove(self, name: str, key: bytes) -> bool:
        """Remove from a hash map; return whether the key was there."""
        delete, fd = self.library.bpf_map_delete_elem, self.map_fd(name)
        with step(f"remove from the map {name}"):
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
            if failed and -failed != ENOENT:  # ENOENT: that was the last batch
                raise KernelError(f"can't read the map {name}", os.strerror(-failed))
            more, start = not failed, position
            found_keys, found_values = keys.raw, values.raw
            for i in range(count.value):
                yield (
                    found_keys[i * key_size : (i + 1) * key_size],
                    found_values[i * value_size : (i + 1) * value_size],
                )

    def close(self) -> None:
        """Give everything back to the kernel."""
        self.detach_all()
        if self._object:
            self.library.bpf_object__close(self._object)
            self._object = 0


@contextmanager
def step(what: str) -> Iterator[None]:
    """Make an OSError of libbpf a KernelError that names the step.

    Its reason is the errno, and what libbpf said first about it.
    """
    libbpf.said.clear()
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        if libbpf.said:
            reason += f" ({libbpf.said[0]})"
        remedy = "tcpconnect --check examines this machine, -v shows libbpf's log"
        raise KernelError(f"can't {what}", reason, remedy) from error
