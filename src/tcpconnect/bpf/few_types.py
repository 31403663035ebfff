"""The few types of the kernel that an object needs, for libbpf to relocate by.

libbpf reads all types of the kernel for each object anew, which takes 13 ms and 11 MB.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from struct import Struct as Layout
from struct import error as StructError  # noqa: N812
from typing import TYPE_CHECKING

import msgspec

from tcpconnect.bpf import btf

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterator

# What programs read that see names. A test compares it with the objects.
MEMBERS = {
    "cgroup": "kn",
    "css_set": "dfl_cgrp",
    "fs_struct": "root",
    "kernfs_node": "id",
    "mnt_namespace": "ns",
    "net": "net_cookie ns",
    "ns_common": "inum",
    "nsproxy": "mnt_ns net_ns",
    "path": "dentry",
    "sk_buff": "_nfct",
    "sock": "__sk_common",
    "sock_common": "skc_net",
    "task_struct": "cgroups flags fs group_leader nsproxy start_boottime tgid",
}

# Documentation/bpf/btf.rst of Linux: how many bytes follow the 12 of a type, by its
# kind, and how many for each of its members, if it has any.
STRUCT = 4
MORE = {1: 4, 3: 12, 14: 4, 17: 4}
EACH = {STRUCT: 12, 5: 12, 6: 8, 13: 8, 15: 12, 19: 12}
TYPE = Layout("<III")
OFFSET = 0xFFFFFF  # the rest is for bit fields
STRINGS_SIZE_AT = 20  # in the header
NO_NAME = b"-\0"  # nothing in C is called so


class Member(msgspec.Struct, frozen=True):
    """Of a member: the number of its type, and its offset in bits."""

    type: int
    offset: int


class FewTypes:
    """A file in memory that libbpf can open, until it is closed."""

    def __init__(self) -> None:
        self._fd = os.memfd_create("types", os.MFD_CLOEXEC)
        self.path = f"/proc/self/fd/{self._fd}".encode()

    def fill(self, own: bytes) -> None:
        """Write an object's own types, with where members are in this kernel.

        All types of the kernel take its place where only they tell.
        """
        found = located(own)
        if found:
            os.write(self._fd, found)
        else:
            with open(btf.VMLINUX, "rb") as kernel:
                os.dup2(kernel.fileno(), self._fd, inheritable=False)

    def close(self) -> None:
        """Free it."""
        os.close(self._fd)


def located(own: bytes) -> bytes | None:
    """Return an object's BTF with the offsets that MEMBERS have in this kernel.

    Other members of these structs lose their names. None where only libbpf can tell: a
    struct is not found, or may have a member in one without a name, or what is of one
    type here is not there (net_cookie of Linux 5.10 is no u64).
    """
    try:
        with open(btf.VMLINUX, "rb") as file, btf.contents(file) as kernel:
            return _located(bytearray(own), kernel)
    except (LookupError, OSError, ValueError, StructError):
        return None


def _located(own: bytearray, kernel: mmap.mmap) -> bytes:
    start, types_at, types_size, names_at, names_size = btf.HEADER.unpack_from(own)
    types_at, names_at = start + types_at, start + names_at
    if names_at + names_size != len(own):
        raise ValueError("names are not the last part")
    types: dict[int, int] = {}  # of ours, with those of the kernel
    for at, struct_name, count in list(_structs(own, types_at, types_at + types_size)):
        struct = _text(own, names_at + struct_name)
        if struct not in MEMBERS:
            continue
        there = _places(kernel, struct, MEMBERS[struct].split())
        for place in range(at, at + count * TYPE.size, TYPE.size):
            name, kind, _ = TYPE.unpack_from(own, place)
            found = there.get(_text(own, names_at + name))
            if found is None:
                TYPE.pack_into(own, place, names_size, kind, 0)
                continue
            TYPE.pack_into(own, place, name, kind, found.offset)
            if types.setdefault(kind, found.type) != found.type:
                raise LookupError(struct)
    own[STRINGS_SIZE_AT : STRINGS_SIZE_AT + 4] = (names_size + 2).to_bytes(4, "little")
    return bytes(own + NO_NAME)


def _structs(own: bytearray, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield the structs of BTF: where their members are, their names, how many."""
    while at < end:
        name, info, _ = TYPE.unpack_from(own, at)
        kind, count = info >> 24 & 0x1F, info & 0xFFFF
        at += TYPE.size
        if kind == STRUCT:
            yield at, name, count
        at += MORE.get(kind, 0) + EACH.get(kind, 0) * count


def _text(own: bytearray, at: int) -> str:
    return own[at : own.index(0, at)].decode()


def _places(kernel: mmap.mmap, struct: str, wanted: list[str]) -> dict[str, Member]:
    """Return the types of a struct's members, and where they are.

    Raises LookupError if it is not there, and where one may be in another struct.
    """
    every = btf.members(kernel, struct.encode(), btf.STRUCT, btf.OFFSET)
    there = {name.decode(): Member(type_, at & OFFSET) for name, type_, at in every}
    if not there or ("" in there and not there.keys() >= {*wanted}):
        raise LookupError(struct)
    return {name: place for name, place in there.items() if name in wanted}


@contextmanager
def few_types(*, enough: bool) -> Iterator[FewTypes | None]:
    """Give types for the load of an object; None where they are not ``enough``."""
    types = None
    if enough:
        with suppress(OSError):  # seccomp may refuse it, which costs time only
            types = FewTypes()
    try:
        yield types
    finally:
        if types:
            types.close()
