"""The types that libbpf relocates by, made of an object's own."""

from __future__ import annotations

import struct
from collections import defaultdict
from pathlib import Path

import pytest

from tcpconnect.bpf import btf, few_types
from tests.support.btf import BpfObject

BUILT = Path(btf.__file__).parent
INT, STRUCT = 1, 4
NAMES = b"\0net\0net_cookie\0ns\0ns_common\0inum\0other\0"
HEADER_BYTES = 24


def name(text: str) -> int:
    """Return where a name is."""
    return NAMES.index(b"\0" + text.encode() + b"\0") + 1


def made(text: str, kind: int = 7, **offsets: int) -> bytes:
    """Return a struct with members of a type at offsets, in bits; ``_`` has no name."""
    head = struct.pack("<III", name(text), STRUCT << 24 | len(offsets), 16)
    places = ((0 if n == "_" else name(n), offsets[n]) for n in offsets)
    return head + b"".join(struct.pack("<III", n, kind, offset) for n, offset in places)


def types(*each: bytes) -> bytes:
    """Return BTF of some types."""
    data = b"".join(each)
    sizes = (HEADER_BYTES, 0, len(data), len(data), len(NAMES))
    return struct.pack("<HBB5I", 0xEB9F, 1, 0, *sizes) + data + NAMES


OWN = types(
    struct.pack("<IIII", 0, INT << 24, 4, 32),
    made("net", ns=0, net_cookie=64),
    made("other", inum=8),
    made("ns_common", inum=0, other=32),
)


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the kernel's type information is expected."""
    path = tmp_path / "vmlinux"
    monkeypatch.setattr(btf, "VMLINUX", str(path))
    return path


def members(found: bytes | None) -> dict[str, list[tuple[str, int]]]:
    """Return members and their offsets of the structs that libbpf gets."""
    assert found is not None
    (size,) = struct.unpack_from("<I", found, 12)
    at, names = HEADER_BYTES + 16, found[HEADER_BYTES + size :]
    (length,) = struct.unpack_from("<I", found, 20)
    assert len(names) == length

    def text(start: int) -> str:
        return names[start : names.index(b"\0", start)].decode()

    structs = {}
    while at < HEADER_BYTES + size:
        start, info, _ = struct.unpack_from("<III", found, at)
        end = at + 12 + 12 * (info & 0xFFFF)
        each = struct.iter_unpack("<III", found[at + 12 : end])
        structs[text(start)] = [(text(n), offset) for n, _, offset in each]
        at = end
    return structs


def test_offsets(kernel: Path) -> None:
    """Members are where the kernel has them; what is not asked for has no name."""
    net = made("net", other=0, net_cookie=640, ns=320)
    kernel.write_bytes(types(made("ns_common", other=0, inum=64), net))
    assert members(few_types.located(OWN)) == {
        "net": [("ns", 320), ("net_cookie", 640)],
        "other": [("inum", 8)],
        "ns_common": [("inum", 64), ("-", 0)],
    }


def test_member_that_is_not_there(kernel: Path) -> None:
    """What an older kernel does not have, programs must not find."""
    kernel.write_bytes(types(made("ns_common", inum=64), made("net", ns=320)))
    found = members(few_types.located(OWN))
    assert found["net"] == [("ns", 320), ("-", 0)]


@pytest.mark.parametrize(
    "there",
    [
        [made("ns_common", inum=64)],
        [made("ns_common", inum=64), made("net", ns=320, _=640)],
        [made("ns_common", inum=64), made("net", kind=8, ns=320, net_cookie=640)],
    ],
    ids=["no struct", "perhaps in one without a name", "another type"],
)
def test_not_sure(kernel: Path, there: list[bytes]) -> None:
    """Where only libbpf can tell, nothing is made up."""
    kernel.write_bytes(types(*there))
    assert few_types.located(OWN) is None


@pytest.mark.parametrize("contents", [None, b"", b"\x9f\xeb\1"])
def test_no_information(kernel: Path, contents: bytes | None) -> None:
    """The kernel has none, or it is cut: libbpf says why."""
    if contents is not None:
        kernel.write_bytes(contents)
    assert few_types.located(OWN) is None


def test_members_are_those_of_the_objects() -> None:
    """What programs read, and nothing else, is in the table."""
    read = defaultdict(set)
    for each in ("answers", "lookups.x86_64", "lookups.aarch64"):
        for outer, member in BpfObject(BUILT / f"{each}.bpf.o").relocated():
            read[outer].add(member)
    read.pop("")  # a struct that has no name: its member is at its begin
    assert {n: set(m.split()) for n, m in few_types.MEMBERS.items()} == read
