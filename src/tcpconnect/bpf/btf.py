"""What the kernel's own type information says of it."""

from __future__ import annotations

import mmap
import re
from functools import cache
from struct import Struct as Layout
from struct import error as StructError  # noqa: N812
from typing import TYPE_CHECKING

from tcpconnect.output import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, BinaryIO

VMLINUX = "/sys/kernel/btf/vmlinux"

# Documentation/bpf/btf.rst of Linux: where types and names are. A struct has its name,
# the number of its members, its kind and its size; then each member begins with a name.
HEADER = Layout("<4x5I")
STRUCT = rb"(..).[\x04\x84]...."
MEMBER = Layout("<I8x")
OFFSET = Layout("<III")  # the same, its type, and its offset in bits
# An enum is laid out as a struct is; each value has its name and its number.
ENUM = rb"(..).[\x06\x86]...."
VALUE = Layout("<II")
NAME_BYTES = 128


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
        with open(VMLINUX, "rb") as file, contents(file) as btf:
            return _has_member(btf, struct.encode(), member.encode())
    except (OSError, ValueError, StructError):  # libbpf says why
        return False


def contents(file: BinaryIO) -> mmap.mmap:
    """Map BTF: a read gives 4,096 bytes at most, and all of BTF takes 3 ms.

    Linux commit a539e2a6d51d ("btf: Allow mmap of vmlinux btf"), v6.16. Before, it is
    copied into memory of our own.
    """
    try:
        return mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ)
    except OSError:
        contents = file.read()
        memory = mmap.mmap(-1, len(contents))
        memory.write(contents)
        return memory


def enum_names(enum: str) -> dict[int, str]:
    """Return the names of an enum's values; none where the kernel does not have it."""
    try:
        with open(VMLINUX, "rb") as file, contents(file) as btf:
            values = members(btf, enum.encode(), ENUM, VALUE)
            return {number: printable(name[:NAME_BYTES]) for name, number in values}
    except (OSError, ValueError, StructError):  # libbpf says why
        return {}


def _has_member(btf: mmap.mmap, struct: bytes, member: bytes) -> bool:
    return any(name == member for name, *_ in members(btf, struct, STRUCT, MEMBER))


def members(
    btf: mmap.mmap, of: bytes, kind: bytes, layout: Layout
) -> Iterator[tuple[Any, ...]]:
    """Yield the members of a type of this name and kind: the name, then the rest."""
    start, types_at, types_size, names_at, names_size = HEADER.unpack_from(btf)
    types_at, names_at = start + types_at, start + names_at
    name_at = btf.find(b"\0" + of + b"\0", names_at, names_at + names_size) + 1
    if not name_at:
        return
    name = re.escape((name_at - names_at).to_bytes(4, "little"))
    pattern = re.compile(name + kind, re.DOTALL)
    for found in pattern.finditer(btf, types_at, types_at + types_size):
        if (found.start() - types_at) % 4 == 0:
            for number in range(int.from_bytes(found[1], "little")):
                at, *rest = layout.unpack_from(btf, found.end() + number * layout.size)
                at += names_at
                yield btf[at : btf.find(b"\0", at)], *rest
            return
