"""What the kernel's own type information says of it."""

from __future__ import annotations

import mmap
import re
from functools import cache
from struct import Struct as Layout
from struct import error as StructError  # noqa: N812
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

VMLINUX = "/sys/kernel/btf/vmlinux"

# Documentation/bpf/btf.rst of Linux: where types and names are. A struct has its name,
# the number of its members, its kind and its size; then each member begins with a name.
HEADER = Layout("<4x5I")
STRUCT = rb"(..).[\x04\x84]...."
MEMBER = Layout("<I8x")


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
        with open(VMLINUX, "rb") as file, _contents(file) as btf:
            return _has_member(btf, struct.encode(), member.encode())
    except (OSError, ValueError, StructError):  # libbpf says why
        return False


def _contents(file: BinaryIO) -> mmap.mmap:
    """Map a file: a read gives 4,096 bytes at most, and all of BTF takes 2.5 ms.

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


def _has_member(btf: mmap.mmap, struct: bytes, member: bytes) -> bool:
    start, types_at, types_size, names_at, names_size = HEADER.unpack_from(btf)
    types_at, names_at = start + types_at, start + names_at
    name_at = btf.find(b"\0" + struct + b"\0", names_at, names_at + names_size) + 1
    if not name_at:
        return False
    name = re.escape((name_at - names_at).to_bytes(4, "little"))
    pattern = re.compile(name + STRUCT, re.DOTALL)
    wanted = member + b"\0"
    return any(
        btf[names_at + at : names_at + at + len(wanted)] == wanted
        for at in _members(btf, pattern, types_at, types_at + types_size)
    )


def _members(
    btf: mmap.mmap, struct: re.Pattern[bytes], begin: int, end: int
) -> Iterator[int]:
    """Yield where the names of a struct's members are among the names."""
    for found in struct.finditer(btf, begin, end):
        if (found.start() - begin) % 4 == 0:
            for number in range(int.from_bytes(found[1], "little")):
                yield from MEMBER.unpack_from(btf, found.end() + number * MEMBER.size)
            return
