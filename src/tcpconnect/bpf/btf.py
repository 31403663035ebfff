"""What the kernel's own type information says of it."""

from __future__ import annotations

import re
from functools import cache
from struct import Struct as Layout
from struct import error as StructError  # noqa: N812
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

VMLINUX = "/sys/kernel/btf/vmlinux"

# Documentation/bpf/btf.rst of Linux: where types and names are. A struct has its name,
# the number of its members, its kind and its size; then each member begins with a name.
HEADER = Layout("<4x5I")
STRUCT = rb"(..).[\x04\x84]...."
MEMBER = Layout("<4s8x")


@cache
def programs_are_preemptible() -> bool:
    """Whether a task can lose its CPU inside of a program on a BTF tracepoint.

    Linux commit a46023d5616e ("tracing: Guard __DECLARE_TRACE() use of
    __DO_TRACE_CALL() with SRCU-fast"), v7.0, made it so. It also gave a struct that is
    private to tracepoints this member, which no kernel had before.
    """
    return has_member("tp_transition_snapshot", "srcu_gp")


def has_member(struct: str, member: str) -> bool:
    """Whether a struct of the kernel has a member; False where there is no BTF.

    (libbpf would take 15 ms: it reads all types, and can't share them with an object.)
    """
    try:
        with open(VMLINUX, "rb") as file:
            return _has_member(file, struct.encode(), member.encode())
    except (OSError, StructError):  # libbpf says why
        return False


def _has_member(file: BinaryIO, struct: bytes, member: bytes) -> bool:
    start, types_at, types_size, names_at, names_size = HEADER.unpack(
        file.read(HEADER.size)
    )
    file.seek(start + names_at)
    names = file.read(names_size)
    member_name = _name(names, member)
    struct_name = member_name and _name(names, struct)
    if not struct_name:
        return False
    file.seek(start + types_at)
    types = file.read(types_size)
    for found in re.finditer(re.escape(struct_name) + STRUCT, types, re.DOTALL):
        if found.start() % 4 == 0:
            end = found.end() + int.from_bytes(found[1], "little") * MEMBER.size
            members = MEMBER.iter_unpack(types[found.end() : end])
            return (member_name,) in members
    return False


def _name(names: bytes, text: bytes) -> bytes:
    """Return what a type has as its name, nothing when no type has it."""
    at = names.find(b"\0" + text + b"\0") + 1
    return at.to_bytes(4, "little") if at else b""
