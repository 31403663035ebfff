"""Types of an object, moved to where a kernel that is made up here has them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from tcpconnect.bpf import btf
from tcpconnect.bpf.btf import ENUM, STRUCT, UNION
from tcpconnect.bpf.few_types import located
from tcpconnect.bpf.kernel_types import KernelTypes, Types
from tcpconnect.bpf.relocating import kernel_types
from tcpconnect.kernel.preflight import ready_library

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Moved = Callable[..., bytes | None]

NAMES = b"\0net\0net___old\0cookie\0ns\0inum\0kind\0one\0two\0long\0int\0"
HEADER_BYTES = 24
BIT = 1 << 24  # of a member's offset: its size in bits
LONG, INT, POINTER, FIRST = 1, 2, 3, 4  # of types


def name(text: str) -> int:
    """Return where a name is; ``_`` is none, and nothing is called ``gone``."""
    if text.startswith("gone"):
        return len(NAMES)
    return 0 if text == "_" else NAMES.index(b"\0" + text.encode() + b"\0") + 1


def composite(
    text: str, kind: int = STRUCT, *, flag: int = 0, **members: tuple[int, int]
) -> bytes:
    """Return a struct: of each member the type, and the offset in bits."""
    info = kind << 24 | len(members) | flag << 31
    each = (struct.pack("<III", name(n), *members[n]) for n in members)
    return struct.pack("<III", name(text), info, 128) + b"".join(each)


def enum(**values: int) -> bytes:
    """Return an enum with these values."""
    each = (struct.pack("<II", name(n), values[n]) for n in values)
    return struct.pack("<III", name("kind"), ENUM << 24 | len(values), 4) + b"".join(
        each
    )


def types(*each: bytes) -> bytes:
    """Return BTF of some types, of which the first is number FIRST."""
    data = (
        struct.pack("<IIII", name("long"), 1 << 24, 8, 64)
        + struct.pack("<IIII", name("int"), 1 << 24, 4, 32)
        + struct.pack("<III", 0, 2 << 24, LONG)
        + b"".join(each)
    )
    sizes = (HEADER_BYTES, 0, len(data), len(data), len(NAMES))
    return struct.pack("<HBB5I", 0xEB9F, 1, 0, *sizes) + data + NAMES


@pytest.fixture
def moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Moved:
    """Return a function: our types, the kernel's, the numbers of those that we name."""
    library = ready_library()
    monkeypatch.setattr(btf, "VMLINUX", str(tmp_path / "vmlinux"))

    def move(own: bytes, kernel: bytes, *named: int) -> bytes | None:
        (tmp_path / "vmlinux").write_bytes(kernel)
        handle = library.btf__new(own, len(own))
        try:
            of_kernel = KernelTypes(library)
            return located(own, Types(library, handle), of_kernel, named or (FIRST,))
        finally:
            library.btf__free(handle)

    return move


def expected(*each: bytes) -> bytes:
    """Return BTF with the name that nothing has."""
    made = types(*each)
    return made[:20] + struct.pack("<I", len(NAMES) + 2) + made[24:] + b"-\0"


def test_members(moved: Moved) -> None:
    """They are where the kernel has them; what it does not have has no name."""
    own = types(composite("net", ns=(INT, 0), cookie=(LONG, 64), inum=(POINTER, 128)))
    kernel = types(composite("net", one=(INT, 0), cookie=(LONG, 640), ns=(INT, 320)))
    there = composite("net", ns=(INT, 320), cookie=(LONG, 640), gone=(POINTER, 0))
    assert moved(own, kernel) == expected(there)


def test_members_of_members(moved: Moved) -> None:
    """What a struct is in is found by the member, whatever it is called there."""
    own = types(composite("net", ns=(FIRST + 1, 0)), composite("ns", inum=(INT, 0)))
    inner = composite("one", inum=(INT, 96))
    kernel = types(inner, composite("net", ns=(FIRST, 320)))
    there = composite("net", ns=(FIRST + 1, 320)), composite("ns", inum=(INT, 96))
    assert moved(own, kernel) == expected(*there)


def test_members_without_a_name(moved: Moved) -> None:
    """Those of unions and structs that have none are those of what these are in."""
    own = types(composite("net", ns=(INT, 0), cookie=(LONG, 64)))
    kernel = types(
        composite("_", ns=(INT, 32)),
        composite("_", UNION, inum=(LONG, 0), _=(FIRST, 0)),
        composite("net", cookie=(LONG, 0), _=(FIRST + 1, 640)),
    )
    there = composite("net", ns=(INT, 672), cookie=(LONG, 0))
    assert moved(own, kernel) == expected(there)


def test_older_forms(moved: Moved) -> None:
    """What comes after three underscores is no part of a name."""
    own = types(
        composite("net", cookie=(LONG, 0)), composite("net___old", ns=(LONG, 0))
    )
    kernel = types(composite("net", ns=(LONG, 64)))
    there = composite("net", gone=(LONG, 0)), composite("net___old", ns=(LONG, 64))
    assert moved(own, kernel, FIRST, FIRST + 1) == expected(*there)


def test_bit_fields(moved: Moved) -> None:
    """They keep their sizes, whatever type they are of."""
    own = types(composite("net", flag=1, ns=(INT, BIT), cookie=(LONG, 64)))
    there = composite("net", flag=1, ns=(LONG, BIT + 67), cookie=(LONG, 128))
    kernel = types(there)
    there = composite("net", flag=1, ns=(INT, BIT + 67), cookie=(LONG, 128))
    assert moved(own, kernel) == expected(there)


def test_values(moved: Moved) -> None:
    """Those of enums have the kernel's numbers."""
    kernel = types(enum(two=7))
    assert moved(types(enum(one=1, two=2)), kernel) == expected(enum(gone=0, two=7))


@pytest.mark.parametrize("kind", [STRUCT, UNION])
def test_unknown(moved: Moved, kind: int) -> None:
    """A struct that the kernel does not have has no members; nor what is another."""
    own = types(composite("net", cookie=(LONG, 0)))
    kernel = types(composite("one" if kind == STRUCT else "net", kind, ns=(LONG, 0)))
    assert moved(own, kernel) == expected(composite("net", gone=(LONG, 0)))


def test_another_type(moved: Moved) -> None:
    """A member of another kind is not the one that is meant."""
    own = types(composite("net", cookie=(LONG, 0)))
    kernel = types(composite("net", cookie=(POINTER, 64)))
    assert moved(own, kernel) == expected(composite("net", gone=(LONG, 0)))


@pytest.mark.parametrize(
    "there",
    [
        composite("net", cookie=(INT, 0)),
        composite("net", flag=1, cookie=(LONG, BIT)),
    ],
    ids=["another size", "a bit field"],
)
def test_not_sure(moved: Moved, there: bytes) -> None:
    """Where libbpf would change how much is read, it gets all types."""
    assert moved(types(composite("net", cookie=(LONG, 0))), types(there)) is None


def test_two_places(moved: Moved) -> None:
    """A struct of ours that would be two of the kernel's."""
    inner = composite("ns", inum=(INT, 0))
    own = types(inner, composite("net", one=(FIRST, 0), two=(FIRST, 64)))
    each = inner, composite("_", inum=(INT, 32))
    kernel = types(*each, composite("net", one=(FIRST, 0), two=(FIRST + 1, 64)))
    assert moved(own, kernel, FIRST + 1) is None


def test_what_only_the_kernel_tells(moved: Moved) -> None:
    """A program asks for a type itself, not for its members."""
    assert moved(types(), types(), LONG) is None


@pytest.mark.parametrize("contents", [None, b"", b"\x9f\xeb\1"])
def test_no_information(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, contents: bytes | None
) -> None:
    """The kernel has none, or it is cut: libbpf looks for it, and says why."""
    monkeypatch.setattr(btf, "VMLINUX", str(tmp_path / "vmlinux"))
    if contents is not None:
        (tmp_path / "vmlinux").write_bytes(contents)
    assert kernel_types(ready_library()) is None
