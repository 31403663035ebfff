"""All types of the kernel: read once, for every object that is loaded.

libbpf would read them for each object, in pieces of 4 KiB, into two copies.
"""

from __future__ import annotations

import ctypes
from struct import Struct as Layout
from typing import TYPE_CHECKING

import msgspec

from tcpconnect.bpf import btf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap

# Documentation/bpf/btf.rst of Linux. What else types say follows 12 bytes.
COMPOSITE = (btf.STRUCT, btf.UNION)
OTHER_NAMES = (btf.TYPEDEF, 9, 10, 11, 18)  # of a type: const and so on
TYPE = MEMBER = Layout("<III")
ARRAY_OF = Layout("<I8x")
BITS = 24  # of a member's offset; above it are those of a bit field


class Type(msgspec.Struct, frozen=True):
    """What BTF says of a type, and where: ``size`` may be the number of another one."""

    address: int
    name: int
    kind: int
    flag: int
    length: int  # how many members or values it has
    size: int


class Types:
    """Types by their numbers, in libbpf's memory. Methods raise LookupError."""

    def __init__(self, library: ctypes.CDLL, handle: int) -> None:
        self._library, self._handle = library, handle
        self._known: dict[int, Type] = {}

    def type(self, number: int) -> Type:
        """Return a type."""
        if number in self._known:
            return self._known[number]
        address = self._library.btf__type_by_id(self._handle, number)
        name, info, size = TYPE.unpack(ctypes.string_at(address, TYPE.size))
        kind, flag, length = info >> 24 & 0x1F, info >> 31, info & 0xFFFF
        self._known[number] = Type(address, name, kind, flag, length, size)
        return self._known[number]

    def resolved(self, number: int) -> int:
        """Return the number of a type without its other names."""
        while (found := self.type(number)).kind in OTHER_NAMES:
            number = found.size
        return number

    def name(self, at: int) -> bytes:
        """Return a name by where it is."""
        name: bytes = self._library.btf__name_by_offset(self._handle, at)
        return name

    def members(self, of: Type) -> Iterator[tuple[int, int, int]]:
        """Yield where the name of each member is, its type, its offset in bits."""
        data = ctypes.string_at(of.address + TYPE.size, MEMBER.size * of.length)
        return MEMBER.iter_unpack(data)

    def values(self, of: Type) -> Iterator[tuple[int, int]]:
        """Yield where the name of each value of an enum is, and the value."""
        data = ctypes.string_at(of.address + TYPE.size, btf.VALUE.size * of.length)
        return btf.VALUE.iter_unpack(data)

    def element(self, array: Type) -> int:
        """Return the type of an array's elements."""
        data = ctypes.string_at(array.address + TYPE.size, ARRAY_OF.size)
        return int(ARRAY_OF.unpack(data)[0])


class KernelTypes(Types):
    """Those of the kernel; freed with the last object that was opened with them.

    Raises OSError where there are none.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self._handle = 0
        self._numbers: dict[tuple[bytes, int], int] = {}
        super().__init__(library, _read(library))

    def __del__(self) -> None:
        if self._handle:
            self._library.btf__free(self._handle)

    def number(self, name: bytes, kind: int) -> int:
        """Return the number of a type; libbpf looks through all of them."""
        if (name, kind) not in self._numbers:
            try:
                find = self._library.btf__find_by_name_kind
                self._numbers[name, kind] = int(find(self._handle, name, kind))
            except OSError as error:
                raise LookupError(name) from error
        return self._numbers[name, kind]


def _read(library: ctypes.CDLL) -> int:
    """Return libbpf's handle of the types; where they can't be mapped, it reads them.

    In a thousand pieces: after each one Python would wait for its turn.
    """
    with open(btf.VMLINUX, "rb") as file:
        try:
            data = btf.mapped(file)
        except OSError:
            return int(library.btf__parse_raw(btf.VMLINUX.encode()))
    with data:
        return int(library.btf__new(_address(data), len(data)))


def _address(data: mmap) -> int:
    """Return where a file is mapped; ctypes itself wants one that can be written."""
    view = (ctypes.c_void_p * 16)()  # Py_buffer, which begins with it
    ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(data), view, 0)
    address = view[0] or 0
    ctypes.pythonapi.PyBuffer_Release(view)
    return address
