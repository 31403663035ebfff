"""Which types of the kernel each function of an object names, from its ELF file."""

from __future__ import annotations

from struct import Struct as Layout
from typing import TYPE_CHECKING

import msgspec

from tcpconnect.bpf import btf

if TYPE_CHECKING:
    from collections.abc import Iterator

# <elf.h>: of the file's header, where those of sections are, their size, how many, and
# which has their names; of a section, its name, where it is and its size; of a symbol,
# its name, its type, its section, and where it is there.
FILE = Layout("<40xQ10x3H")
SECTION = Layout("<I20xQQ")
SYMBOL = Layout("<IBxHQQ")
FUNCTION, CALLED = 2, b".text"
# Of .BTF.ext (Documentation/bpf/btf.rst): the size of its header, where the list is,
# how long. It has the size of an element, then for each section its name, and how many
# follow; an element begins with where it is in the section, and a type.
HEADER = Layout("<4xI16x2I")
OF_SECTION = Layout("<II")


class Section(msgspec.Struct, frozen=True):
    """Where a section is, and which one it is."""

    at: int
    size: int
    number: int


def named_types(image: bytes, functions: set[bytes]) -> set[int]:
    """Return the numbers of the types that are relocated in some functions.

    Those that functions call are in a section of their own.
    """
    sections = _sections(image)
    called = sections[CALLED].number
    wanted: dict[int, list[range]] = {}
    for name, index, start, length in _functions(image, sections):
        if name in functions or index == called:
            wanted.setdefault(index, []).append(range(start, start + length))
    found: set[int] = set()
    for index, each in _relocated(image, sections):
        codes = wanted.get(index, ())
        found |= {number for at, number in each if any(at in code for code in codes)}
    return found


def _sections(image: bytes) -> dict[bytes, Section]:
    start, size, count, names = FILE.unpack_from(image)
    _, names_at, _ = SECTION.unpack_from(image, start + names * size)
    found = {}
    for index in range(count):
        name, at, length = SECTION.unpack_from(image, start + index * size)
        found[_text(image, names_at + name)] = Section(at, length, index)
    return found


def _functions(
    image: bytes, sections: dict[bytes, Section]
) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield the name of each function, its section, where it begins, its length."""
    table = sections[b".symtab"]
    symbols = image[table.at : table.at + table.size]
    names_at = sections[b".strtab"].at
    for name, info, index, start, length in SYMBOL.iter_unpack(symbols):
        if info & 0xF == FUNCTION:
            yield _text(image, names_at + name), index, start, length


def _relocated(
    image: bytes, sections: dict[bytes, Section]
) -> Iterator[tuple[int, Iterator[tuple[int, int]]]]:
    """Yield each section, and in it where types are relocated, and their numbers."""
    header, _, _, names_at, _ = btf.HEADER.unpack_from(image, sections[b".BTF"].at)
    names_at += sections[b".BTF"].at + header
    header, at, size = HEADER.unpack_from(image, start := sections[b".BTF.ext"].at)
    at += start + header
    end, each = at + size, int.from_bytes(image[at : at + 4], "little")
    element, at = Layout(f"<2I{each - 8}x"), at + 4
    while at < end:
        name, count = OF_SECTION.unpack_from(image, at)
        at += OF_SECTION.size
        listed = element.iter_unpack(image[at : at + count * each])
        yield sections[_text(image, names_at + name)].number, listed
        at += count * each


def _text(image: bytes, at: int) -> bytes:
    return image[at : image.index(0, at)]
