"""A reader of BPF objects: of ELF and BTF, what the layout tests need.

BTF is described in Documentation/bpf/btf.rst of Linux.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# BTF_KIND_*, include/uapi/linux/btf.h.
INT, PTR, ARRAY, STRUCT, UNION, ENUM = 1, 2, 3, 4, 5, 6
TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC_PROTO = 8, 9, 10, 11, 13
VAR, DATASEC, DECL_TAG, TYPE_TAG, ENUM64 = 14, 15, 17, 18, 19

TRANSPARENT = {TYPEDEF, VOLATILE, CONST, RESTRICT, VAR, TYPE_TAG}

# Bytes that follow a type of this kind: once, or for each of its vlen members.
ONCE = {INT: 4, ARRAY: 12, VAR: 4, DECL_TAG: 4}
EACH = {STRUCT: 12, UNION: 12, ENUM: 8, FUNC_PROTO: 8, DATASEC: 12, ENUM64: 12}

POINTER_BYTES = 8


class Member(NamedTuple):
    """A member of a C struct, in bytes."""

    name: str
    offset: int
    size: int


class Layout(NamedTuple):
    """Where a struct has what."""

    size: int
    members: tuple[Member, ...]


class Symbol(NamedTuple):
    """A variable or function in a section."""

    name: str
    offset: int
    size: int


class Map(NamedTuple):
    """The sizes of a BPF map; key and value have none in a ring buffer."""

    max_entries: int
    key_size: int
    value_size: int


class _Type(NamedTuple):
    name: str
    kind: int
    vlen: int
    size_or_type: int
    rest: bytes


class _Section(NamedTuple):
    number: int
    data: bytes
    size: int


def _text(strings: bytes, offset: int) -> str:
    return strings[offset : strings.index(b"\0", offset)].decode()


def _elf_sections(image: bytes) -> dict[str, _Section]:
    """Return the sections of a 64-bit little-endian ELF file by name."""
    (start,) = struct.unpack_from("<Q", image, 0x28)
    size, count, names = struct.unpack_from("<HHH", image, 0x3A)
    headers = [
        struct.unpack_from("<IIQQQQ", image, start + size * i) for i in range(count)
    ]
    offset, length = headers[names][4:]
    strings = image[offset : offset + length]
    return {
        _text(strings, name): _Section(number, image[at : at + length], length)
        for number, (name, _, _, _, at, length) in enumerate(headers)
    }


def _array(kind: _Type) -> tuple[int, int]:
    """Return the number of the type of an array's elements, and how many there are."""
    element, _, count = struct.unpack("<III", kind.rest)
    return element, count


class BpfObject:
    """A compiled BPF object: its types, variables and maps."""

    def __init__(self, path: Path) -> None:
        self._sections = _elf_sections(path.read_bytes())
        self._types = [_Type("void", 0, 0, 0, b"")]
        data = self._sections[".BTF"].data
        header, types, types_len, strings, strings_len = struct.unpack_from(
            "<IIIII", data, 4
        )
        self._strings = data[header + strings :][:strings_len]
        self._read_types(data[header + types :][:types_len])

    def _read_types(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            name, info, size_or_type = struct.unpack_from("<III", data, at)
            kind, vlen = info >> 24 & 0x1F, info & 0xFFFF
            end = at + 12 + ONCE.get(kind, 0) + EACH.get(kind, 0) * vlen
            name_text = _text(self._strings, name)
            self._types.append(
                _Type(name_text, kind, vlen, size_or_type, data[at + 12 : end])
            )
            at = end

    def _resolved(self, number: int) -> _Type:
        """Return the type behind typedefs and qualifiers."""
        while self._types[number].kind in TRANSPARENT:
            number = self._types[number].size_or_type
        return self._types[number]

    def _size(self, number: int) -> int:
        kind = self._resolved(number)
        if kind.kind == PTR:
            return POINTER_BYTES
        if kind.kind == ARRAY:
            element, count = _array(kind)
            return self._size(element) * count
        return kind.size_or_type

    def _members(self, kind: _Type) -> list[tuple[str, int, int]]:
        """Return name, type and offset in bits of each member."""
        members = struct.iter_unpack("<III", kind.rest)
        return [(_text(self._strings, n), number, bits) for n, number, bits in members]

    def _named(self, name: str, kind: int) -> _Type:
        (found,) = (t for t in self._types if (t.name, t.kind) == (name, kind))
        return found

    def struct(self, name: str) -> Layout:
        """Return the layout of ``struct name``."""
        kind = self._named(name, STRUCT)
        members = [
            Member(n, bits // 8, self._size(t)) for n, t, bits in self._members(kind)
        ]
        return Layout(kind.size_or_type, tuple(members))

    def flat(self, name: str) -> Layout:
        """Return the same, with the members of inner structs as those of the outer."""
        kind = self._named(name, STRUCT)
        return Layout(kind.size_or_type, tuple(self._flat(kind, 0)))

    def _flat(self, outer: _Type, start: int) -> Iterator[Member]:
        for name, number, bits in self._members(outer):
            at, kind = start + bits // 8, self._resolved(number)
            if kind.kind == STRUCT:
                yield from self._flat(kind, at)
            else:
                yield Member(name, at, self._size(number))

    def enum(self, name: str) -> dict[str, int]:
        """Return the values of ``enum name``, 64-bit ones not."""
        values = struct.iter_unpack("<Ii", self._named(name, ENUM).rest)
        return {_text(self._strings, text): value for text, value in values}

    def map(self, name: str) -> Map:
        """Return the sizes of the map ``name``: it is described by types only."""
        definition = self._resolved(self._named(name, VAR).size_or_type)
        pointed = {
            member: self._resolved(number).size_or_type
            for member, number, _ in self._members(definition)
        }
        _, max_entries = _array(self._resolved(pointed["max_entries"]))
        sizes = [
            self._size(pointed[m]) if m in pointed else 0 for m in ("key", "value")
        ]
        return Map(max_entries, *sizes)

    def section_size(self, name: str) -> int:
        """Return the bytes of a section in memory, 0 if it does not exist."""
        section = self._sections.get(name)
        return section.size if section else 0

    def sections(self, *begin: str) -> set[str]:
        """Return the sections whose names begin so, that have a byte at least."""
        return {n for n, s in self._sections.items() if n.startswith(begin) and s.size}

    def symbols(self, name: str) -> list[Symbol]:
        """Return the named things in a section."""
        strings = self._sections[".strtab"].data
        table = struct.iter_unpack("<IBBHQQ", self._sections[".symtab"].data)
        number = self._sections[name].number
        return [
            Symbol(_text(strings, text), offset, size)
            for text, _, _, section, offset, size in table
            if section == number and text
        ]

    def relocated(self) -> Iterator[tuple[int, int]]:
        """Yield the type, and the kind, of each relocation of libbpf's."""
        data = self._sections[".BTF.ext"].data
        (header,) = struct.unpack_from("<I", data, 4)
        at, length = struct.unpack_from("<II", data, 24)
        at, end = header + at, header + at + length
        (each,) = struct.unpack_from("<I", data, at)
        at += 4
        while at < end:
            _, count = struct.unpack_from("<II", data, at)
            for place in range(at + 8, at + 8 + count * each, each):
                _, number, _, kind = struct.unpack_from("<IIII", data, place)
                yield number, kind
            at += 8 + count * each
