"""What the kernel's own type information says of it."""

from __future__ import annotations

import mmap
from errno import ENODEV
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
# the number of its members, its kind with a flag, and its size; then each member begins
# with a name.
HEADER = Layout("<4x5I")
TYPE = Layout("<IHxB4x")
FLAG = 0x80
MEMBER = Layout("<I8x")
# An enum is laid out as a struct is; each value has its name and its number.
VALUE = Layout("<II")
# BTF_KIND_*
POINTER, ARRAY, STRUCT, UNION, ENUM, TYPEDEF, FUNCTION = 2, 3, 4, 5, 6, 8, 12
NAME_BYTES = 128


@cache
def programs_are_preemptible() -> bool:
    """Whether a task can lose its CPU inside of a program on a BTF tracepoint.

    Linux commit a46023d5616e ("tracing: Guard __DECLARE_TRACE() use of
    __DO_TRACE_CALL() with SRCU-fast"), v7.0, made it so. It also gave a struct that is
    private to tracepoints this member, which no kernel had before. Those that can't map
    BTF are older, and to read it takes them long.
    """
    return _can_be_mapped() and has_member("tp_transition_snapshot", "srcu_gp")


def _can_be_mapped() -> bool:
    try:
        with open(VMLINUX, "rb") as file:
            mapped(file).close()
    except OSError as error:
        return error.errno != ENODEV
    except ValueError:  # it is empty
        return False
    return True


def has_member(struct: str, member: str) -> bool:
    """Whether a struct of the kernel has a member; False where there is no BTF.

    (libbpf would take 15 ms: it reads all types, and can't share them with an object.)
    """
    try:
        with open(VMLINUX, "rb") as file, contents(file) as btf:
            return _has_member(btf, struct.encode(), member.encode())
    except (OSError, ValueError, StructError):  # libbpf says why
        return False


def mapped(file: BinaryIO) -> mmap.mmap:
    """Map BTF: a read gives 4,096 bytes at most, and all of BTF takes 3 ms.

    Raises OSError before Linux commit a539e2a6d51d ("btf: Allow mmap of vmlinux btf"),
    v6.16.
    """
    return mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ)


def contents(file: BinaryIO) -> mmap.mmap:
    """Map BTF, or copy it into memory of our own."""
    try:
        return mapped(file)
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
    btf: mmap.mmap, of: bytes, kind: int, layout: Layout
) -> Iterator[tuple[Any, ...]]:
    """Yield the members of a type of this name and kind: the name, then the rest."""
    start, types_at, types_size, names_at, names_size = HEADER.unpack_from(btf)
    types_at, names_at = start + types_at, start + names_at
    name_at = btf.find(b"\0" + of + b"\0", names_at, names_at + names_size) + 1
    if not name_at:
        return
    name, end = (name_at - names_at).to_bytes(4, "little"), types_at + types_size
    at = types_at - 1
    while (at := btf.find(name, at + 1, end)) >= 0:
        _, count, found = TYPE.unpack_from(btf, at)
        if (at - types_at) % 4 == 0 and found & ~FLAG == kind:
            first = at + TYPE.size
            each = btf[first : first + count * layout.size]
            for where, *rest in layout.iter_unpack(each):
                begin = names_at + where
                yield btf[begin : btf.find(b"\0", begin)], *rest
            return
