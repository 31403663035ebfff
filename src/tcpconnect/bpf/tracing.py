"""Programs on functions and tracepoints of the kernel, which it wants by number.

libbpf would read all types of the kernel again for these numbers, unless it takes the
programs for others until they are loaded.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import CFUNCTYPE, Structure, c_int, c_long, c_size_t, c_uint32
from ctypes import c_void_p as pointer
from errno import ESRCH
from struct import Struct as Layout
from typing import TYPE_CHECKING, Any

import msgspec

from tcpconnect.bpf.btf import FUNCTION, TYPEDEF

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tcpconnect.bpf.kernel_types import KernelTypes

# enum bpf_prog_type, include/uapi/linux/bpf.h.
RAW_TRACEPOINT, TRACING = 17, 26


class Section(msgspec.Struct, frozen=True):
    """What programs of a section are attached to: enum bpf_attach_type, its BTF."""

    attach_type: int
    prefix: bytes
    kind: int


SECTIONS = {
    b"tp_btf": Section(23, b"btf_trace_", TYPEDEF),
    b"fentry": Section(24, b"", FUNCTION),
    b"fexit": Section(25, b"", FUNCTION),
    b"iter": Section(28, b"bpf_iter_", FUNCTION),
}

# Calls: of no helper, and of a function of the kernel, whose number follows.
OPCODE, BY_NUMBER = 0x85, 2 << 12
CALL = Layout("<HHI")
# The functions that programs call, by their numbers in C (cast.bpf.h).
CALLED = {0x7FFF0001: b"bpf_rdonly_cast"}


class LoadOptions(Structure):
    """The first members of struct bpf_prog_load_opts."""

    _fields_ = (
        ("sz", c_size_t),
        ("attempts", c_int),
        ("expected_attach_type", c_int),
        ("prog_btf_fd", c_uint32),
        ("prog_flags", c_uint32),
        ("prog_ifindex", c_uint32),
        ("kern_version", c_uint32),
        ("attach_btf_id", c_uint32),
    )


_PREPARE = CFUNCTYPE(c_int, pointer, ctypes.POINTER(LoadOptions), c_long)


class HandlerOptions(Structure):
    """Struct libbpf_prog_handler_opts."""

    _fields_ = (
        ("sz", c_size_t),
        ("cookie", c_long),
        ("setup", pointer),
        ("prepare_load", _PREPARE),
        ("attach", pointer),
    )


_numbers: dict[int, int] = {}  # of what they are on, by libbpf's handle of a program


def _number(kernel: KernelTypes, name: bytes, kind: int) -> int:
    try:
        return kernel.number(name, kind)
    except LookupError:
        raise OSError(ESRCH, os.strerror(ESRCH), name.decode()) from None


def programs(library: ctypes.CDLL, opened: int) -> Iterator[tuple[int, bytes]]:
    """Yield an object's programs that are to be loaded, and their sections."""
    program = library.bpf_object__next_program(opened, None)
    while program:
        if library.bpf_program__autoload(program):
            yield program, library.bpf_program__section_name(program)
        program = library.bpf_object__next_program(opened, program)


def find(kernel: KernelTypes, each: Iterable[tuple[int, bytes]]) -> None:
    """Find the numbers that programs will need. Raises OSError."""
    for program, section in each:
        where, _, name = section.partition(b"/")
        if where in SECTIONS:
            there = SECTIONS[where]
            _numbers[program] = _number(kernel, there.prefix + name, there.kind)


def connect(kernel: KernelTypes, library: ctypes.CDLL, program: int) -> None:
    """Have a program call functions of the kernel. Raises OSError."""
    count = library.bpf_program__insn_cnt(program)
    address = library.bpf_program__insns(program)
    code = ctypes.string_at(address, count * CALL.size)
    for number, name in CALLED.items():
        if (call := CALL.pack(OPCODE, 0, number)) in code:
            there = CALL.pack(OPCODE | BY_NUMBER, 0, _number(kernel, name, FUNCTION))
            code = code.replace(call, there)
            library.bpf_program__set_insns(program, code, count)


def is_traced(library: ctypes.CDLL, program: int) -> bool:
    """Whether it is for a function or a tracepoint, as libbpf does not know here."""
    section: bytes = library.bpf_program__section_name(program)
    return section.partition(b"/")[0] in SECTIONS


def register(library: ctypes.CDLL) -> None:
    """Have libbpf call us for these programs. Raises OSError."""
    global _prepare  # noqa: PLW0603 (libbpf has only its address)
    if _prepare:
        return

    def prepare(program: int, options: Any, _: int) -> int:
        options.contents.attach_btf_id = _numbers.pop(program, 0)
        library.bpf_program__set_type(program, TRACING)
        return 0

    _prepare = _PREPARE(prepare)
    options = HandlerOptions(ctypes.sizeof(HandlerOptions), 0, None, _prepare, None)
    for name, section in SECTIONS.items():
        library.libbpf_register_prog_handler(
            name + b"+", RAW_TRACEPOINT, section.attach_type, ctypes.byref(options)
        )


_prepare: Any = None
