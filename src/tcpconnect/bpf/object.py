"""A BPF object file: opened, set, loaded, attached. No TCP in here."""

from __future__ import annotations

import ctypes
import mmap
import os
from contextlib import contextmanager
from ctypes import byref, c_size_t, c_uint32, pointer
from typing import TYPE_CHECKING

from tcpconnect.bpf import libbpf
from tcpconnect.errors import REMEDIES, KernelError
from tcpconnect.machine import capabilities
from tcpconnect.machine.capabilities import ALMIGHTY, READ_FILES, missing
from tcpconnect.machine.release import maps_are_locked_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH = 4096  # entries of a map that are read in one call
MOST_DESCRIPTORS = 48  # of an object: its maps and programs
ENOENT = 2
BPF_NOEXIST = 1
BPF_TRACE_UPROBE_MULTI = 48  # enum bpf_attach_type
TRACEFS = "/sys/kernel/tracing"


class BpfObject:
    """One of the package's objects. Whatever it makes hangs on our descriptors.

    Its methods raise KernelError, which names the step that failed.
    """

    def __init__(self, library: ctypes.CDLL, name: str) -> None:
        self.library = library
        self._links: list[int] = []
        self._held: list[int] = []
        self._iterators: list[int] = []  # descriptors, too
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

    def load(self, *needed: str) -> None:
        """Let the kernel verify and take the programs.

        ``needed`` are capabilities that these programs take beside those of all BPF.
        """
        with step("load the BPF programs", *needed):
            _require_descriptors()
            try:
                self.library.bpf_object__load(self._object)
            except PermissionError as error:
                lacking = capabilities.lacking("CAP_SYS_RESOURCE")
                if not (lacking and maps_are_locked_memory() and _map_was_refused()):
                    raise
                reason, remedy = missing(lacking)
                remedy = f"raise the limit (ulimit -l), or {remedy}"
                raise KernelError("can't lock enough memory", reason, remedy) from error

    def variables(self, section: str = ".bss") -> mmap.mmap:
        """Return the variables in memory that is shared with the programs.

        (libbpf maps them for skeletons only: bpf_map__initial_value goes on to give
        what they were before the load.)
        """
        return mmap.mmap(self.map_fd(section), mmap.PAGESIZE)

    def values(self, name: str, size: int) -> bytes:
        """Return the values of an array map with BPF_F_MMAPABLE (v5.5), in a row."""
        with (
            step(f"read the map {name}"),
            mmap.mmap(self.map_fd(name), size, prot=mmap.PROT_READ) as mapped,
        ):
            return mapped[:]

    def run(self, name: str, argument: int) -> int:
        """Run a raw tracepoint's program here and now; return what it returns."""
        options = libbpf.TestRunOptions(ctypes.sizeof(libbpf.TestRunOptions))
        arguments = ctypes.c_uint64(argument)
        options.ctx_in = ctypes.addressof(arguments)
        options.ctx_size_in = ctypes.sizeof(arguments)
        with step(f"run the program {name}"):
            self.library.bpf_prog_test_run_opts(self.program_fd(name), byref(options))
        return int(options.retval)

    def hold(self, fd: int) -> None:
        """Keep a descriptor open as long as this object."""
        self._held.append(fd)

    def release(self, fd: int) -> None:
        """Close a descriptor that was held."""
        self._held.remove(fd)
        os.close(fd)

    def iterate(self, name: str) -> bytes:
        """Run a program for each of what its section says; return what it writes."""
        with step(f"run the program {name}"):
            link = self.library.bpf_program__attach(self.program(name))
            try:
                fd = self.library.bpf_iter_create(self.library.bpf_link__fd(link))
                with open(fd, "rb", buffering=0) as file:
                    return file.readall()
            finally:
                self.library.bpf_link__destroy(link)

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

    def attach_to_elements(self, name: str, target: str) -> None:
        """Attach a program that ``run_attached`` runs for each element of a map.

        Linux commit a5cbe05a6673 ("bpf: Implement bpf iterator for map elements"),
        v5.9.
        """
        with step(f"attach {name} to the map {target}"):
            fd = c_uint32(self.map_fd(target))
            size = ctypes.sizeof(libbpf.IterOptions)
            options = libbpf.IterOptions(size, pointer(fd), ctypes.sizeof(fd))
            link = self.library.bpf_program__attach_iter(
                self.program(name), byref(options)
            )
            self._links.append(link)
            create = self.library.bpf_iter_create
            self._iterators.append(create(self.library.bpf_link__fd(link)))

    def run_attached(self) -> None:
        """Run what was attached to elements, once and for all."""
        while self._iterators:
            fd = self._iterators.pop()
            with step("run over a map"):
                try:
                    while os.read(fd, mmap.PAGESIZE):
                        pass
                finally:
                    os.close(fd)

    def attach_perf(self, name: str) -> None:
        """Attach a program to perf's tracepoint, whose number tracefs has.

        Debian lets nobody use perf without CAP_SYS_ADMIN (perf_event_paranoid is 3).
        """
        program = self.program(name)
        events = f"{TRACEFS}/available_events"
        readable = os.access(events, os.R_OK, effective_ids=True)
        with step(f"attach to {name}", ALMIGHTY if readable else READ_FILES):
            try:
                link = self.library.bpf_program__attach(program)
            except FileNotFoundError as error:
                reason = f"{TRACEFS} is empty"
                remedy = f"mount -t tracefs none {TRACEFS}"
                raise KernelError(f"can't attach to {name}", reason, remedy) from error
        self._links.append(link)

    def attach_cgroup(self, name: str, cgroup_fd: int) -> None:
        """Attach a program to a cgroup and all below it."""
        with step(f"attach {name} to the cgroup", "CAP_NET_ADMIN"):
            link = self.library.bpf_program__attach_cgroup(
                self.program(name), cgroup_fd
            )
            self._links.append(link)

    def prefer_uprobe_multi(self, *names: str) -> None:
        """Have these programs attached to functions without perf, before the load."""
        for name in names:
            with step(f"set how {name} is attached"):
                self.library.bpf_program__set_expected_attach_type(
                    self.program(name), BPF_TRACE_UPROBE_MULTI
                )

    def program_fd(self, name: str) -> int:
        """Return the descriptor of a program, once loaded."""
        fd: int = self.library.bpf_program__fd(self.program(name))
        return fd

    def detach_all(self) -> None:
        """Stop all programs; maps can still be read."""
        while self._links:
            self.library.bpf_link__destroy(self._links.pop())

    def maps_are_guarded(self, name: str) -> bool:
        """Whether it takes a capability to read a map of which we have a descriptor.

        Linux commit c8644cd0efe7 ("bpf: refine kernel.unprivileged_bpf_disabled
        behaviour"), v5.19: not any more.
        """
        try:
            with capabilities.without("CAP_BPF", ALMIGHTY):
                libbpf.map_info(self.library, self.map_fd(name))
        except OSError:  # also where it can't be tried
            return True
        return False

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

    @contextmanager
    def closed_on_failure(self) -> Iterator[None]:
        """Close it when the body raises, whatever that is: also KeyboardInterrupt."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give everything back to the kernel."""
        self.detach_all()
        for fds in (self._held, self._iterators):
            while fds:
                os.close(fds.pop())
        if self._object:
            self.library.bpf_object__close(self._object)
            self._object = 0


def _require_descriptors() -> None:
    """Raise OSError where there are not enough: libbpf then gives other reasons."""
    opened: list[int] = []
    try:
        while len(opened) < MOST_DESCRIPTORS:
            opened.append(os.open("/", os.O_PATH | os.O_CLOEXEC))
    finally:
        for fd in opened:
            os.close(fd)


def _map_was_refused() -> bool:
    """Whether libbpf failed at a map; only to root it speaks of RLIMIT_MEMLOCK."""
    return any(
        "RLIMIT_MEMLOCK" in line or "failed to create" in line for line in libbpf.said
    )


@contextmanager
def step(what: str, *needed: str) -> Iterator[None]:
    """Make an OSError of libbpf a KernelError that names the step.

    Its reason is which of the ``needed`` capabilities are missing, if any; else the
    errno, and what libbpf said first about it.
    """
    libbpf.said.clear()
    try:
        yield
    except OSError as error:
        lacking = isinstance(error, PermissionError) and capabilities.lacking(*needed)
        if lacking:
            raise KernelError(f"can't {what}", *missing(lacking)) from error
        reason = os.strerror(error.errno or 0)
        if libbpf.said:
            reason += f" ({libbpf.said[0]})"
        remedy = "tcpconnect --check examines this machine, -v shows libbpf's log"
        remedy = REMEDIES.get(error.errno or 0, remedy)
        raise KernelError(f"can't {what}", reason, remedy) from error
