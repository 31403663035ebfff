"""Objects without what only debuggers read: DWARF, half of what the compiler writes.

BTF, with its lines of source, is what libbpf and the kernel read.
"""

from __future__ import annotations

from struct import Struct

# <elf.h>: of the file's header, where those of sections are, how many, and which has
# their names; of a section, its name, its type, where it is, its size, its alignment.
FILE = Struct("<40xQ12xHH")
SECTIONS_AT = slice(40, 48)
HEADER_BYTES, SECTION_BYTES = 64, 64
SECTION = Struct("<II16xQQ8xQ")
NOBITS = 8  # zeros that the file does not have
PLACE = Struct("<QQ")  # where a section is, and its size, in its header
PLACE_AT = 24
# (Linkers alone read where BTF has to be relocated.)
UNUSED = (b".debug_", b".rel.debug_", b".rel.BTF")


def stripped(image: bytes) -> bytes:
    """Return an object whose sections for debuggers are empty; none is renumbered."""
    at, count, names = FILE.unpack_from(image)
    headers = bytearray(image[at : at + count * SECTION_BYTES])
    _, _, names_at, *_ = SECTION.unpack_from(headers, names * SECTION_BYTES)
    made = bytearray(image[:HEADER_BYTES])
    for header in range(SECTION_BYTES, len(headers), SECTION_BYTES):
        name, kind, start, size, alignment = SECTION.unpack_from(headers, header)
        if image.startswith(UNUSED, names_at + name):
            size = 0
        made += bytes(-len(made) % max(alignment, 1))
        PLACE.pack_into(headers, header + PLACE_AT, len(made), size)
        made += image[start : start + size] if kind != NOBITS else b""
    made += bytes(-len(made) % 8)
    made[SECTIONS_AT] = len(made).to_bytes(8, "little")
    return bytes(made + headers)
