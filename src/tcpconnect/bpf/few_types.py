"""The few types that an object needs for libbpf to relocate by: its own.

Members are where the kernel has them; what it does not have has no name. Of all types
of the kernel, libbpf would search those with each name that programs use.
"""

from __future__ import annotations

import os
from itertools import count
from typing import TYPE_CHECKING

from tcpconnect.bpf import btf
from tcpconnect.bpf.btf import VALUE
from tcpconnect.bpf.kernel_types import BITS, COMPOSITE, MEMBER, TYPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from struct import Struct as Layout

    from tcpconnect.bpf.kernel_types import KernelTypes, Type, Types

FLAVOR = b"___"  # what follows is no part of a name
STRINGS_SIZE_AT = 20  # in the header
NO_NAME = b"-\0"  # nothing in C is called so
LAST_BIT = (1 << BITS) - 1
NOTHING = 0  # the number of a type without members: void


class FewTypes:
    """A file in memory that libbpf can open, until it is closed."""

    def __init__(self) -> None:
        self._fd = os.memfd_create("types", os.MFD_CLOEXEC)
        self.path = f"/proc/self/fd/{self._fd}".encode()

    def fill(self, found: bytes | None) -> None:
        """Write types; all types of the kernel take the place of None."""
        if found:
            os.write(self._fd, found)
        else:
            with open(btf.VMLINUX, "rb") as kernel:
                os.dup2(kernel.fileno(), self._fd, inheritable=False)

    def close(self) -> None:
        """Free it."""
        os.close(self._fd)


def located(
    image: bytes, own: Types, kernel: KernelTypes, named: Iterable[int]
) -> bytes | None:
    """Return an object's BTF, ``image``, with where the types that are ``named`` are.

    None where only libbpf can tell: a member has another size in the kernel.
    """
    moved = _Moved(image, own, kernel)
    try:
        for number in named:
            moved.move(number)
    except LookupError:
        return None
    return moved.image()


class _Moved:
    """A copy of an object's types, whose members move to where the kernel has them."""

    def __init__(self, image: bytes, own: Types, kernel: KernelTypes) -> None:
        self._image = bytearray(image)
        self._own, self._kernel = own, kernel
        header, at, *_ = btf.HEADER.unpack_from(image)
        self._start = own.type(1).address - header - at
        self._no_name = int.from_bytes(image[STRINGS_SIZE_AT:][:4], "little")
        self._moved: dict[int, int] = {}  # to those of the kernel, by their numbers

    def image(self) -> bytes:
        """Return it, with the name that nothing has."""
        size = self._no_name + len(NO_NAME)
        self._image[STRINGS_SIZE_AT : STRINGS_SIZE_AT + 4] = size.to_bytes(4, "little")
        return bytes(self._image + NO_NAME)

    def move(self, number: int) -> None:
        """Move a struct or an enum of ours to the one that has its name."""
        own = self._own.type(number)
        name = self._own.name(own.name).partition(FLAVOR)[0]
        try:
            found = self._kernel.resolved(self._kernel.number(name, own.kind))
        except LookupError:
            found = NOTHING
        number = self._own.resolved(number)
        own = self._own.type(number)
        if own.kind == btf.ENUM:
            self._move_values(own, self._kernel.type(found))
        elif own.kind in COMPOSITE:
            self._move_members(number, found)
        else:
            raise LookupError(name)

    def _move_values(self, own: Type, there: Type) -> None:
        name_of = self._kernel.name
        known = {name_of(name): value for name, value in self._kernel.values(there)}
        for at, (name, _) in self._places(own, VALUE, self._own.values(own)):
            value = known.get(self._own.name(name))
            fields = (self._no_name, 0) if value is None else (name, value)
            VALUE.pack_into(self._image, at, *fields)

    def _move_members(self, number: int, found: int) -> None:
        """Give the members of a struct their offsets in one of the kernel.

        The members of members, too. Raises LookupError where they would have two.
        """
        if self._moved.setdefault(number, found) != found:
            raise LookupError(number)
        own = self._own.type(number)
        wanted = {self._own.name(name) for name, *_ in self._own.members(own)}
        there = self._members(found, wanted)
        for at, (name, kind, place) in self._places(
            own, MEMBER, self._own.members(own)
        ):
            in_bits = bool(own.flag) and place > LAST_BIT
            other, other_place = there.get(self._own.name(name), (NOTHING, 0))
            if not self._is_like(kind, other, in_bits=in_bits):
                MEMBER.pack_into(self._image, at, self._no_name, kind, 0)
            elif in_bits == (other_place > LAST_BIT):
                MEMBER.pack_into(self._image, at, name, kind, other_place)
            else:
                raise LookupError(number)

    def _places(
        self, own: Type, layout: Layout, each: Iterable[tuple[int, ...]]
    ) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield where the members of a type are in our copy, and each member."""
        at = own.address - self._start + TYPE.size
        return zip(count(at, layout.size), each, strict=False)

    def _members(self, of: int, wanted: set[bytes]) -> dict[bytes, tuple[int, int]]:
        """Return type and offset of the members that the kernel's struct has.

        Those of members without a name, too, as C finds them.
        """
        struct = self._kernel.type(of)
        found: dict[bytes, tuple[int, int]] = {}
        nameless = []
        for at, kind, place in self._kernel.members(struct):
            if not at:
                nameless.append((kind, place & LAST_BIT))
            elif (name := self._kernel.name(at)) in wanted:
                found[name] = (kind, place)
                if len(found) == len(wanted):
                    return found
        for outer, place in nameless:
            if missing := wanted - found.keys():
                inner = self._members(self._kernel.resolved(outer), missing)
                for name, (kind, at) in inner.items():
                    found[name] = (kind, place + at)
        return found

    def _is_like(self, number: int, other: int, *, in_bits: bool) -> bool:
        """Whether libbpf would take a type of the kernel's for one of ours.

        Raises LookupError where it would read another number of bytes.
        """
        number, other = self._own.resolved(number), self._kernel.resolved(other)
        own, there = self._own.type(number), self._kernel.type(other)
        if own.kind in COMPOSITE and there.kind in COMPOSITE:
            self._move_members(number, other)
        elif own.kind != there.kind:
            return False
        elif own.kind == btf.ARRAY:
            elements = self._own.element(own), self._kernel.element(there)
            return self._is_like(*elements, in_bits=False)
        elif own.kind != btf.POINTER and not in_bits and own.size != there.size:
            raise LookupError(number)
        return True
