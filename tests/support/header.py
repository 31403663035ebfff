"""The layouts of structs in the headers of bpf/, from their text.

The type information of an object has only the structs of maps and variables: for
records of the ring there is the header alone. Its structs are simple enough: members of
the kernel's fixed types, arrays of them, and structs.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from tests.support.btf import Layout, Member

FOLDER = Path(__file__).parents[2] / "bpf"
SIZES = {"__u64": 8, "__u32": 4, "__u16": 2, "__u8": 1, "char": 1}

DEFINE = re.compile(r"#define (\w+) (\d+)")
STRUCT = re.compile(r"^struct (\w+) \{\n(.*?)^\};", re.DOTALL | re.MULTILINE)
MEMBER = re.compile(r"^\s*(?:struct )?(\w+)\s+(\w+)((?:\s*\[\w+\])*);", re.MULTILINE)


class _Struct(NamedTuple):
    layout: Layout
    alignment: int


class Header:
    """The structs of a text; members of inner structs are those of the outer."""

    def __init__(self, text: str) -> None:
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
        self.numbers = {name: int(number) for name, number in DEFINE.findall(text)}
        self._structs: dict[str, _Struct] = {}
        for name, body in STRUCT.findall(text):
            self._structs[name] = self._lay_out(body)

    def struct(self, name: str) -> Layout:
        """Return the layout of ``struct name``."""
        return self._structs[name].layout

    def _length(self, dimensions: str) -> int:
        length = 1
        for word in re.findall(r"\w+", dimensions):
            length *= self.numbers[word] if word in self.numbers else int(word)
        return length

    def _lay_out(self, body: str) -> _Struct:
        """Put each member where its type's alignment allows it."""
        members: list[Member] = []
        end, widest = 0, 1
        declarations = MEMBER.findall(body)
        assert len(declarations) == body.count(";"), "a member that is not understood"
        for kind, name, dimensions in declarations:
            inner = self._structs.get(kind)
            size = inner.layout.size if inner else SIZES[kind]
            alignment = inner.alignment if inner else size
            start = -(-end // alignment) * alignment
            end = start + size * self._length(dimensions)
            widest = max(widest, alignment)
            if inner:
                members += [
                    m._replace(offset=start + m.offset) for m in inner.layout.members
                ]
            else:
                members.append(Member(name, start, end - start))
        return _Struct(Layout(-(-end // widest) * widest, tuple(members)), widest)


def read_headers(*names: str) -> Header:
    """Return the structs of some headers, each of which has those that it uses."""
    texts = [(FOLDER / f"{name}.bpf.h").read_text() for name in names]
    return Header("".join(texts))
