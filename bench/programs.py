"""What the kernel says about the run time of BPF programs."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

TRACEPOINT = b"inet_sock_set_state"
BPF_PROG_TYPE_RAW_TRACEPOINT = 17
BPF_STATS_RUN_TIME = 0
RETURN_0 = struct.pack("<BBhiBBhi", 0xB7, 0, 0, 0, 0x95, 0, 0, 0)  # r0 = 0; exit
INSTRUCTION_BYTES = 8
# Of struct bpf_prog_info: its size, and where the name, run_time_ns and run_cnt are.
INFO_BYTES, NAME_AT, NAME_BYTES, RUN_TIME_AT = 232, 64, 16, 192
# And where the length of its machine code is, its types' ID, and what tells its lines:
# the address of an array for each, how many there are, and how long one of each is.
CODE_BYTES_AT, TYPES_AT, COUNT_AT, LINES_AT = 16, 128, 148, 152
LINES = struct.Struct("=QQIII")
LINE = struct.Struct("=IIII")  # struct bpf_line_info
LINE_SHIFT = 10  # BPF_LINE_INFO_LINE_NUM: the column is below


class Programs(NamedTuple):
    """Statistics of a process's BPF programs: runs, and nanoseconds in them."""

    runs: int
    time_ns: int

    def since(self, before: Programs) -> Programs:
        """Return what was added since ``before``."""
        return Programs(self.runs - before.runs, self.time_ns - before.time_ns)

    def plus(self, more: Programs) -> Programs:
        """Return both together."""
        return Programs(self.runs + more.runs, self.time_ns + more.time_ns)


class Line(NamedTuple):
    """Machine code of one line of a program's source, from an address to another."""

    address: int
    end: int
    file: str
    number: int
    source: str


def programs_of(pid: int) -> Programs:
    """Add up the programs that a process has descriptors of, or links to."""
    each = (ran for _, ran in _each(pid))
    return reduce(Programs.plus, each, Programs(0, 0))


def programs_by_name(pid: int) -> dict[str, Programs]:
    """Return the same for each name, of which the kernel keeps 15 characters."""
    found: dict[str, Programs] = {}
    for name, ran in _each(pid):
        found[name] = found.get(name, Programs(0, 0)).plus(ran)
    return found


def lines_of(pid: int) -> Iterator[Line]:
    """Yield the lines of all programs of a process, which the kernel has compiled.

    RuntimeError where the kernel does not tell addresses (kernel.kptr_restrict).
    """
    library = ctypes.CDLL("libbpf.so.1", use_errno=True)
    library.btf__load_from_kernel_by_id.restype = ctypes.c_void_p
    library.btf__str_by_offset.argtypes = ctypes.c_void_p, ctypes.c_uint
    library.btf__str_by_offset.restype = ctypes.c_char_p
    library.btf__free.argtypes = (ctypes.c_void_p,)
    for number in _ids(pid):
        yield from _lines(library, number)


def _lines(library: ctypes.CDLL, number: int) -> Iterator[Line]:
    info = _info(library, number)
    (count,) = struct.unpack_from("=I", info, COUNT_AT)
    (types,) = struct.unpack_from("=I", info, TYPES_AT)
    lines = ctypes.create_string_buffer(LINE.size * count)
    addresses = (ctypes.c_uint64 * count)()
    places = ctypes.addressof(lines), ctypes.addressof(addresses)
    sizes = LINE.size, ctypes.sizeof(ctypes.c_uint64)
    wanted = bytearray(INFO_BYTES)
    struct.pack_into("=I", wanted, COUNT_AT, count)
    LINES.pack_into(wanted, LINES_AT, *places, count, *sizes)
    code_bytes = struct.unpack_from(
        "=I", _info(library, number, bytes(wanted)), CODE_BYTES_AT
    )
    if not all(addresses):
        raise RuntimeError("the kernel does not say where the code of BPF programs is")
    btf = library.btf__load_from_kernel_by_id(types)
    ends = *addresses[1:], addresses[0] + code_bytes[0]
    records = LINE.iter_unpack(lines)
    for address, end, record in zip(addresses, ends, records, strict=True):
        _, file_at, source_at, place = record
        file, source = (
            library.btf__str_by_offset(btf, at).decode() for at in (file_at, source_at)
        )
        number = place >> LINE_SHIFT
        yield Line(address, end, Path(file).name, number, source.strip())
    library.btf__free(btf)


def _each(pid: int) -> Iterator[tuple[str, Programs]]:
    """Yield the name and the statistics of each program."""
    library = ctypes.CDLL("libbpf.so.1")
    for number in _ids(pid):
        info = _info(library, number)
        time_ns, runs = struct.unpack_from("=QQ", info, RUN_TIME_AT)
        name = info[NAME_AT : NAME_AT + NAME_BYTES].rstrip(b"\0").decode()
        yield name, Programs(runs, time_ns)


def _ids(pid: int) -> set[int]:
    """Return the IDs of the programs of a process: links are enough to keep them."""
    found = set()
    for file in Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):  # ours, of the folder itself
            lines = file.read_text().splitlines()
            found |= {int(n.split()[1]) for n in lines if n.startswith("prog_id:")}
    return found


def _info(library: ctypes.CDLL, number: int, wanted: bytes = b"") -> bytes:
    """Return struct bpf_prog_info of a program, of <linux/bpf.h>.

    What is ``wanted`` besides is one, too, with addresses for arrays.
    """
    info = ctypes.create_string_buffer(wanted, INFO_BYTES)
    fd = library.bpf_prog_get_fd_by_id(number)
    if fd < 0:
        raise OSError(-fd, os.strerror(-fd), f"BPF program {number}")
    library.bpf_obj_get_info_by_fd(fd, info, ctypes.byref(ctypes.c_uint(INFO_BYTES)))
    os.close(fd)
    return info.raw


@contextlib.contextmanager
def statistics() -> Iterator[None]:
    """Let the kernel measure programs, as kernel.bpf_stats_enabled does.

    Meanwhile a program that does nothing runs in this process: what it takes is the
    price of measuring. All ends with the descriptors, whatever happens to the process.
    Linux commit d46edd671a14 ("bpf: Sharing bpf runtime stats with BPF_ENABLE_STATS"),
    v5.8.
    """
    library = ctypes.CDLL("libbpf.so.1", use_errno=True)
    with contextlib.ExitStack() as stack:

        def keep(fd: int, what: str) -> int:
            if fd < 0:
                raise OSError(-fd, os.strerror(-fd), what)
            stack.callback(os.close, fd)
            return fd

        keep(library.bpf_enable_stats(BPF_STATS_RUN_TIME), "BPF_ENABLE_STATS")
        count = len(RETURN_0) // INSTRUCTION_BYTES
        empty = library.bpf_prog_load(
            *(BPF_PROG_TYPE_RAW_TRACEPOINT, b"empty", b"GPL"),
            *(RETURN_0, ctypes.c_size_t(count), None),
        )
        keep(empty, "an empty BPF program")
        keep(library.bpf_raw_tracepoint_open(TRACEPOINT, empty), "its tracepoint")
        yield
