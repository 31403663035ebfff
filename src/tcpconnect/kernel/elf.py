"""Offsets of functions in a shared library that any user may have created.

They are looked up like the loader does, in the hash table of the dynamic section: with
a few small reads, whatever the file claims. ELF64 for this machine only.
"""

from __future__ import annotations

import os
from struct import Struct as Layout
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# The largest libraries of glibc and musl need a fraction of each.
MAX_READ = 1 << 16  # bytes of a file
MAX_SEGMENTS = 64
MAX_ENTRIES = 256  # of the dynamic section
MAX_CHAIN = 128  # symbols of one hash

# The first bytes of an ELF file, its class at 4, its machine at 18 (elf.h).
MAGIC = b"\x7fELF"
START_BYTES = 20
CLASS_64, LITTLE_ENDIAN = 2, 1
MACHINE = os.uname().machine
MACHINES = {"x86_64": 62, "aarch64": 183}

# Elf64_Ehdr, Elf64_Phdr, Elf64_Dyn and Elf64_Sym, without what is not used.
HEADER = Layout("<4sBB12xH12xQ14xHH6x")  # magic, class, data, machine, phoff, …
SEGMENT = Layout("<IIQQ8xQ16x")  # type, flags, offset, vaddr, filesz
ENTRY = Layout("<QQ")
SYMBOL = Layout("<IBxHQ8x")  # name, info, shndx, value
WORD, HALF = Layout("<I"), Layout("<H")
GNU_HASH = Layout("<IIII")  # buckets, first symbol, words of the bloom filter, shift
HASH = Layout("<II")  # buckets, symbols
PT_LOAD, PT_DYNAMIC, PF_X = 1, 2, 1
DT_HASH, DT_STRTAB, DT_SYMTAB = 4, 5, 6
DT_GNU_HASH, DT_VERSYM = 0x6FFFFEF5, 0x6FFFFFF0
STT_FUNC = 2  # STT_GNU_IFUNC is resolved at load time
HIDDEN = 0x8000  # a version that new programs are not linked with
MAX_OFFSET = (1 << 63) - 1


class ElfError(Exception):
    """A file is not a library for this machine: why, without text from the file."""


class _Segment(msgspec.Struct, frozen=True):
    type: int
    flags: int
    offset: int
    address: int
    size: int


def is_foreign(start: bytes) -> bool:
    """Whether a file with this beginning is for 32 bits or for another processor."""
    if len(start) < START_BYTES or not start.startswith(MAGIC):
        return False  # it may not have been written yet
    machine = int.from_bytes(start[18:20], "little")
    return start[4] != CLASS_64 or machine != MACHINES.get(MACHINE)


def function_offsets(fd: int, names: Iterable[str]) -> dict[str, int]:
    """Return the offsets of the functions with these names that the file has.

    Raises ElfError, and OSError when the file can't be read.
    """
    library = _Library(_Reader(fd))
    found = {name: library.offset_of(name.encode()) for name in names}
    return {name: offset for name, offset in found.items() if offset}


class _Reader:
    """Reads a file, with a limit on all reads together."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._left = MAX_READ

    def bytes(self, offset: int, size: int) -> bytes:
        """Return ``size`` bytes. Raises ElfError if the file does not have them."""
        self._left -= size
        if self._left < 0:
            raise ElfError("its tables are too long")
        data = os.pread(self._fd, size, offset) if offset <= MAX_OFFSET - size else b""
        if len(data) < size:
            raise ElfError("it is cut short")
        return data

    def unpack(self, layout: Layout, offset: int) -> tuple[int, ...]:
        """Return the members of a struct."""
        return layout.unpack(self.bytes(offset, layout.size))


class _Library:
    def __init__(self, reader: _Reader) -> None:
        self._reader = reader
        self._segments = self._read_segments()
        self._dynamic = self._read_dynamic()
        self._candidates: Callable[[bytes], Iterable[int]]
        if DT_GNU_HASH in self._dynamic:
            self._candidates = self._by_gnu_hash
        elif DT_HASH in self._dynamic:
            self._candidates = self._by_hash
        else:
            raise ElfError("it has no hash table of symbols")
        self._symbols, self._strings = map(self._table, (DT_SYMTAB, DT_STRTAB))

    def _read_segments(self) -> list[_Segment]:
        header = HEADER.unpack(self._reader.bytes(0, HEADER.size))
        magic, size, order, machine, offset, entry, count = header
        if (magic, size, order) != (MAGIC, CLASS_64, LITTLE_ENDIAN):
            raise ElfError("it is not ELF64")
        if machine != MACHINES.get(MACHINE):
            raise ElfError("it is for another processor")
        if entry != SEGMENT.size or count > MAX_SEGMENTS:
            raise ElfError("its program headers are malformed")
        table = self._reader.bytes(offset, count * entry)
        return [_Segment(*fields) for fields in SEGMENT.iter_unpack(table)]

    def _read_dynamic(self) -> dict[int, int]:
        sections = [s for s in self._segments if s.type == PT_DYNAMIC]
        if not sections:
            raise ElfError("it has no dynamic section")
        size = min(sections[0].size // ENTRY.size, MAX_ENTRIES) * ENTRY.size
        table = self._reader.bytes(sections[0].offset, size)
        found: dict[int, int] = {}
        for tag, value in ENTRY.iter_unpack(table):
            if not tag:
                break
            found[tag] = value
        return found

    def _table(self, tag: int) -> int:
        """Return the offset of a table of the dynamic section."""
        if tag not in self._dynamic:
            raise ElfError("it has no table of symbols")
        return self._offset(self._dynamic[tag])

    def _offset(self, address: int, flags: int = 0) -> int:
        """Return the offset in the file of what is loaded to an address."""
        for segment in self._segments:
            inside = segment.address <= address < segment.address + segment.size
            if segment.type == PT_LOAD and inside and segment.flags & flags == flags:
                return segment.offset + address - segment.address
        raise ElfError("an address is outside of its segments")

    def offset_of(self, name: bytes) -> int:
        """Return the offset of a function, 0 if there is none."""
        for index in self._candidates(name):
            at = self._symbols + index * SYMBOL.size
            string, info, section, value = self._reader.unpack(SYMBOL, at)
            if info & 0xF != STT_FUNC or not section or self._is_hidden(index):
                continue
            if (
                self._reader.bytes(self._strings + string, len(name) + 1)
                == name + b"\0"
            ):
                return self._offset(value, PF_X)
        return 0

    def _is_hidden(self, index: int) -> bool:
        if DT_VERSYM not in self._dynamic:
            return False
        at = self._table(DT_VERSYM) + index * HALF.size
        return bool(self._reader.unpack(HALF, at)[0] & HIDDEN)

    def _by_gnu_hash(self, name: bytes) -> Iterable[int]:
        """Yield the symbols that have the hash of a name."""
        at = self._table(DT_GNU_HASH)
        buckets, first, words, _ = self._reader.unpack(GNU_HASH, at)
        if not buckets:
            return
        wanted = gnu_hash(name)
        at += GNU_HASH.size + words * 8
        (index,) = self._reader.unpack(WORD, at + wanted % buckets * WORD.size)
        at += buckets * WORD.size
        if index < first:
            return
        for _ in range(MAX_CHAIN):
            (value,) = self._reader.unpack(WORD, at + (index - first) * WORD.size)
            if value | 1 == wanted | 1:
                yield index
            if value & 1:
                return
            index += 1
        raise ElfError("its hash table is malformed")

    def _by_hash(self, name: bytes) -> Iterable[int]:
        """Yield the symbols in the bucket of a name."""
        at = self._table(DT_HASH)
        buckets, _ = self._reader.unpack(HASH, at)
        if not buckets:
            return
        at += HASH.size
        (index,) = self._reader.unpack(WORD, at + sysv_hash(name) % buckets * WORD.size)
        at += buckets * WORD.size
        for _ in range(MAX_CHAIN):
            if not index:
                return
            yield index
            (index,) = self._reader.unpack(WORD, at + index * WORD.size)
        raise ElfError("its hash table is malformed")


def gnu_hash(name: bytes) -> int:
    """Return the hash of DT_GNU_HASH."""
    value = 5381
    for byte in name:
        value = (value * 33 + byte) & 0xFFFFFFFF
    return value


def sysv_hash(name: bytes) -> int:
    """Return the hash of DT_HASH (System V ABI)."""
    value = 0
    for byte in name:
        value = (value << 4) + byte
        high = value & 0xF0000000
        value = (value ^ high >> 24) & ~high & 0xFFFFFFFF
    return value
