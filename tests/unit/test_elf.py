"""Functions in shared libraries: real ones, and hostile ones."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpconnect.kernel import elf
from tcpconnect.kernel.elf import MACHINE, MACHINES, ElfError, function_offsets
from tests.support.properties import steady

NAMES = ("getaddrinfo", "gethostbyname_r", "gethostbyname2_r", "no_such_function")
GLIBC = next(
    Path(path) for path in (f"/lib/{MACHINE}-linux-gnu/libc.so.6", "/lib64/libc.so.6")
    if os.path.exists(path)
)  # fmt: skip
MUSL = Path(f"/lib/ld-musl-{MACHINE}.so.1")
IMAGE = GLIBC.read_bytes()
TEXT_AT = 0x180  # of what make() makes


def offsets(image: bytes, folder: Path) -> dict[str, int]:
    """Return where the functions are in a file of these bytes."""
    path = folder / "library"
    path.write_bytes(image)
    fd = os.open(path, os.O_RDONLY)
    try:
        return function_offsets(fd, NAMES)
    finally:
        os.close(fd)


def make(
    kind: int = elf.DT_HASH,
    table: tuple[int, ...] = (1, 2, 1, 0, 0),
    machine: int = MACHINES[MACHINE],
    value: int = TEXT_AT,
    info: int = 0x12,
) -> bytes:
    """Return a library of 512 bytes whose only function is getaddrinfo."""
    image = bytearray(512)
    header = (b"\x7fELF\2\1\1", 3, machine, 1, 0, 64, 0, 0, 64, 56, 2, 64, 0, 0)
    struct.pack_into("<16sHHIQQQIHHHHHH", image, 0, *header)
    struct.pack_into("<IIQQQQQQ", image, 64, 1, 5, 0, 0, 0, 512, 512, 0)
    struct.pack_into("<IIQQQQQQ", image, 120, 2, 4, 176, 176, 0, 64, 64, 0)
    entries = (kind, 240, elf.DT_SYMTAB, 272, elf.DT_STRTAB, 320, 0, 0)
    struct.pack_into("<8Q", image, 176, *entries)
    struct.pack_into(f"<{len(table)}I", image, 240, *table)
    struct.pack_into("<IBBHQQ", image, 272 + 24, 1, info, 0, 1, value, 16)
    image[320:333] = b"\0getaddrinfo\0"
    return bytes(image)


@pytest.mark.parametrize("path", [GLIBC, MUSL])
def test_real(path: Path, tmp_path: Path) -> None:
    """The offsets are those that nm(1) has: text is where it is loaded to."""
    listed = subprocess.run(["nm", "-D", path], check=True, capture_output=True)
    lines = [line.split() for line in listed.stdout.decode().splitlines()]
    known = {line[-1].split("@")[0]: int(line[0], 16) for line in lines if line[2:]}
    found = offsets(path.read_bytes(), tmp_path)
    assert found == {name: known[name] for name in NAMES[:3]}


def test_made(tmp_path: Path) -> None:
    """What the cases below spoil is right."""
    assert offsets(make(), tmp_path) == {"getaddrinfo": TEXT_AT}


@pytest.mark.parametrize("name", ["", "a", "getaddrinfo", "gethostbyname2_r" * 9])
def test_hashes_are_32_bits(name: str) -> None:
    """Whatever is hashed."""
    assert elf.gnu_hash(name.encode()) < 1 << 32
    assert elf.sysv_hash(name.encode()) < 1 << 28


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (b"", "it is cut short"),
        (b"#!/bin/sh\n" * 20, "it is not ELF64"),
        (make()[:200], "it is cut short"),
        (make(machine=3), "it is for another processor"),
        (make(table=(1, 2, 1, 0, 1)), "its hash table is malformed"),  # a cycle
        (make(table=(1, 2, 0xFFFFFFFF)), "it is cut short"),
        (make(table=(0xFFFFFFFF, 2, 1)), "it is cut short"),
        (make(kind=elf.DT_GNU_HASH, table=(1, 1, 1 << 31, 0)), "it is cut short"),
        (make(value=1 << 63), "an address is outside of its segments"),
        (make(kind=99), "it has no hash table of symbols"),
    ],
)
def test_hostile(image: bytes, reason: str, tmp_path: Path) -> None:
    """It is refused, for this reason."""
    with pytest.raises(ElfError, match=f"^{reason}$"):
        offsets(image, tmp_path)


@pytest.mark.parametrize(
    "image",
    [
        make(table=(0, 0)),
        make(table=(1, 2, 0)),
        make(kind=elf.DT_GNU_HASH, table=(0, 0, 0, 0)),
        make(info=0x1A),  # chosen when it is loaded
        make(info=0x11),  # an object
    ],
)
def test_no_function(image: bytes, tmp_path: Path) -> None:
    """It has none, which is no error."""
    assert offsets(image, tmp_path) == {}


def test_claimed_symbols_cost_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many symbols a table has, some hundred bytes are read."""
    read: list[int] = []
    pread = os.pread

    def counted(fd: int, size: int, offset: int) -> bytes:
        read.append(size)
        return pread(fd, size, offset)

    monkeypatch.setattr(os, "pread", counted)
    offsets(make(table=(1, 0xFFFFFFFF, 1, 0, 0)), tmp_path)
    offsets(IMAGE, tmp_path)
    assert sum(read) < 8192


@steady
@given(st.binary(max_size=600))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, image: bytes) -> None:
    """Nothing is raised but ElfError."""
    with pytest.raises(ElfError):
        offsets(image, tmp_path_factory.getbasetemp())


@steady
@given(st.integers(0, 511), st.binary(min_size=1, max_size=8))
def test_any_change(
    tmp_path_factory: pytest.TempPathFactory, at: int, data: bytes
) -> None:
    """A place that is found lies in the file."""
    image = bytearray(make())
    image[at : at + len(data)] = data
    try:
        found = offsets(bytes(image), tmp_path_factory.getbasetemp())
    except ElfError:
        return
    assert all(0 < offset < 1 << 63 for offset in found.values())


@pytest.mark.parametrize(
    ("start", "foreign"),
    [
        (make()[:20], False),
        (b"\x7fELF\1" + make()[5:20], True),
        (make(machine=21)[:20], True),
        (make(machine=21)[:19], False),
        (b"", False),
        (b"#!/bin/sh\n# that is no library", False),
    ],
)
def test_other_kinds_of_programs(start: bytes, foreign: bool) -> None:  # noqa: FBT001
    """Libraries for 32 bits or another processor; other files fail later."""
    assert elf.is_foreign(start) == foreign
