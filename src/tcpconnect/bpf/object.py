"""A BPF object file: opened, configured, loaded, attached, closed. No TCP here."""

from __future__ import annotations

import ctypes
import mmap
import os
from contextlib import contextmanager
from ctypes import byref, c_size_t, c_uint32, pointer
from typing import TYPE_CHECKING

from tcpconnect import messages
from tcpconnect.bpf import libbpf, limits, tracing
from tcpconnect.bpf.attached import Attached
from tcpconnect.bpf.relocating import Relocating
from tcpconnect.bpf.step import step
from tcpconnect.errors import KernelError
from tcpconnect.machine.capabilities import ALMIGHTY, READ_FILES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcpconnect.bpf.kernel_types import KernelTypes

BPF_TRACE_UPROBE_MULTI = 48  # enum bpf_attach_type
TRACEFS = "/sys/kernel/tracing"


class BpfObject(Attached):
    """One of the package's objects; all that it creates ends with our descriptors.

    Its methods raise KernelError, which names the step that failed. After ``forget``
    only those of Attached and Maps may be called: others raise ValueError. Without
    ``types`` libbpf reads those of the kernel.
    """

    def __init__(
        self, library: ctypes.CDLL, name: str, types: KernelTypes | None = None
    ) -> None:
        super().__init__(library)
        self.name = name
        self._maps: dict[str, int] = {}  # libbpf renames those that are replaced
        self._left_out: set[str] = set()
        options = libbpf.OpenOptions(ctypes.sizeof(libbpf.OpenOptions), b"tcpconnect")
        with step(messages.CANT_OPEN_OBJECT, name=name):
            with open(f"{os.path.dirname(__file__)}/{name}.bpf.o", "rb") as file:
                image = file.read()
            self._relocating = Relocating(image, types)
            options.btf_custom_path = self._relocating.path
            try:
                self._object: int = library.bpf_object__open_mem(
                    image, len(image), byref(options)
                )
            except OSError:
                self._relocating.close()
                raise

    def _opened(self) -> int:
        """Return libbpf's handle: without it, libbpf would crash."""
        if not self._object:
            raise ValueError("libbpf's object has been closed")
        return self._object

    def _map(self, name: str) -> int:
        if name not in self._maps:
            find = self.library.bpf_object__find_map_by_name
            with step(messages.CANT_FIND_MAP, name=name):
                self._maps[name] = find(self._opened(), name.encode())
        return self._maps[name]

    def map_fd(self, name: str) -> int:
        """Return the descriptor of a map, once loaded."""
        if name in self._fds:
            return self._fds[name]
        fd: int = self.library.bpf_map__fd(self._map(name))
        return fd

    def resize(self, name: str, entries: int) -> None:
        """Set the capacity of a map, at least one entry, before the load."""
        with step(messages.CANT_RESIZE_MAP, name=name):
            self.library.bpf_map__set_max_entries(self._map(name), max(entries, 1))

    def resize_value(self, name: str, size: int) -> None:
        """Set the size of a map's values in bytes, before the load."""
        with step(messages.CANT_RESIZE_VALUES, name=name):
            self.library.bpf_map__set_value_size(self._map(name), size)

    def replace(self, name: str, fd: int) -> None:
        """Use the map of this descriptor instead of ours, before the load."""
        with step(messages.CANT_REPLACE_MAP, name=name):
            self.library.bpf_map__reuse_fd(self._map(name), fd)

    def constants(self) -> int:
        """Return the address of the read-only variables, to write before the load."""
        with step(messages.CANT_FIND_CONSTANTS):
            address: int = self.library.bpf_map__initial_value(
                self._map(".rodata"), byref(c_size_t())
            )
        return address

    def leave_out(self, *names: str) -> None:
        """Do not load these programs."""
        for name in names:
            with step(messages.CANT_OMIT_PROGRAM, name=name):
                program = self.program(name)
                self.library.bpf_program__set_autoload(program, False)  # noqa: FBT003

    def leave_out_maps(self, *names: str) -> None:
        """Do not create these maps: with these constants no code uses them."""
        for name in names:
            with step(messages.CANT_OMIT_MAP, name=name):
                self.library.bpf_map__set_autocreate(self._map(name), 0)
            self._left_out.add(name)

    def has_map(self, name: str) -> bool:
        """Whether a map was not left out."""
        return name not in self._left_out

    def load(self, *needed: str) -> None:
        """Let the kernel verify and load the programs.

        ``needed`` are capabilities that these programs need besides those of all BPF.
        """
        with step(messages.CANT_LOAD, *needed), self._relocating:
            limits.require_descriptors()
            try:
                self._relocating.prepare(self.library, self._opened())
                self.library.bpf_object__load(self._opened())
            except PermissionError as error:
                if failure := limits.memory_refused():
                    raise failure from error
                raise

    def variables(self, section: str = ".bss") -> mmap.mmap:
        """Return the variables in memory that is shared with the programs.

        (libbpf maps them for skeletons only: bpf_map__initial_value still returns the
        values before the load.)
        """
        return mmap.mmap(self.map_fd(section), mmap.PAGESIZE)

    def run(self, name: str, argument: int) -> int:
        """Run a raw tracepoint's program once; return its result."""
        options = libbpf.TestRunOptions(ctypes.sizeof(libbpf.TestRunOptions))
        arguments = ctypes.c_uint64(argument)
        options.ctx_in = ctypes.addressof(arguments)
        options.ctx_size_in = ctypes.sizeof(arguments)
        with step(messages.CANT_RUN, name=name):
            self.library.bpf_prog_test_run_opts(self.program_fd(name), byref(options))
        return int(options.retval)

    def iterate(self, name: str) -> bytes:
        """Run an iterator's program for all of its elements; return its output."""
        with step(messages.CANT_RUN, name=name):
            link = self.library.bpf_program__attach_iter(self.program(name), None)
            try:
                fd = self.library.bpf_iter_create(self.library.bpf_link__fd(link))
                with open(fd, "rb", buffering=0) as file:
                    return file.readall()
            finally:
                self.library.bpf_link__destroy(link)

    def program(self, name: str) -> int:
        """Return libbpf's handle of a program."""
        with step(messages.CANT_FIND_PROGRAM, name=name):
            pointer: int = self.library.bpf_object__find_program_by_name(
                self._opened(), name.encode()
            )
        return pointer

    def attach(self, name: str) -> None:
        """Attach a program to what its section says."""
        program = self.program(name)
        traced = tracing.is_traced(self.library, program)
        way = "bpf_program__attach_trace" if traced else "bpf_program__attach"
        with step(messages.CANT_ATTACH, name=name):
            self._links.append(getattr(self.library, way)(program))

    def attach_to_elements(self, name: str, target: str) -> None:
        """Attach a program that ``run_attached`` runs for each element of a map.

        Linux commit a5cbe05a6673 ("bpf: Implement bpf iterator for map elements"),
        v5.9.
        """
        with step(messages.CANT_ATTACH_TO_MAP, name=name, map=target):
            fd = c_uint32(self.map_fd(target))
            size = ctypes.sizeof(libbpf.IterOptions)
            options = libbpf.IterOptions(size, pointer(fd), ctypes.sizeof(fd))
            link = self.library.bpf_program__attach_iter(
                self.program(name), byref(options)
            )
            self._links.append(link)
            create = self.library.bpf_iter_create
            self._iterators.append(create(self.library.bpf_link__fd(link)))

    def attach_perf(self, name: str) -> None:
        """Attach a program to a perf tracepoint, whose number is in tracefs.

        On Debian perf needs CAP_SYS_ADMIN (perf_event_paranoid is 3).
        """
        program = self.program(name)
        events = f"{TRACEFS}/available_events"
        readable = os.access(events, os.R_OK, effective_ids=True)
        needed = ALMIGHTY if readable else READ_FILES
        with step(messages.CANT_ATTACH, needed, name=name):
            try:
                link = self.library.bpf_program__attach(program)
            except FileNotFoundError as error:
                raise KernelError(
                    messages.CANT_ATTACH,
                    name=name,
                    reason=f"{TRACEFS} is empty",
                    remedy=f"mount -t tracefs none {TRACEFS}",
                ) from error
        self._links.append(link)

    def attach_event(self, name: str, event: int) -> None:
        """Attach a program to an event of perf, by its descriptor, which it takes."""
        program = self.program(name)
        with step(messages.CANT_ATTACH, ALMIGHTY, name=name):
            try:
                link = self.library.bpf_program__attach_perf_event(program, event)
            except OSError:
                os.close(event)
                raise
        self._links.append(link)

    def attach_cgroup(self, name: str, cgroup_fd: int) -> None:
        """Attach a program to a cgroup and all below it."""
        with step(messages.CANT_ATTACH_TO_CGROUP, "CAP_NET_ADMIN", name=name):
            link = self.library.bpf_program__attach_cgroup(
                self.program(name), cgroup_fd
            )
            self._links.append(link)

    def prefer_uprobe_multi(self, *names: str) -> None:
        """Select the way to attach to functions without perf, before the load."""
        for name in names:
            with step(messages.CANT_SET_ATTACH_TYPE, name=name):
                self.library.bpf_program__set_expected_attach_type(
                    self.program(name), BPF_TRACE_UPROBE_MULTI
                )

    def program_fd(self, name: str) -> int:
        """Return the descriptor of a program, once loaded; ``forget`` closes it."""
        fd: int = self.library.bpf_program__fd(self.program(name))
        return fd

    def keep_program(self, name: str) -> int:
        """Return a descriptor of a program that stays open, once loaded."""
        with step(messages.CANT_FIND_PROGRAM, name=name):
            self.hold(fd := os.dup(self.program_fd(name)))
        return fd

    @contextmanager
    def closed_on_failure(self) -> Iterator[None]:
        """Close it when the body raises anything, also KeyboardInterrupt."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    @property
    def types(self) -> KernelTypes | None:
        """Those that it was opened with, until it is loaded."""
        return self._relocating.kernel

    def forget(self, *maps: str) -> None:
        """Give libbpf's object back: its copies of the file and of types are large.

        All programs must have been attached: they stay, and so do these maps, if they
        were not left out.
        """
        for name in filter(self.has_map, maps):
            self.keep_map(name)
        self._close_object()

    def _close_object(self) -> None:
        self._maps.clear()
        self._relocating.close()
        if self._object:
            self.library.bpf_object__close(self._object)
            self._object = 0

    def close(self) -> None:
        """Give everything back to the kernel."""
        super().close()
        self._close_object()
