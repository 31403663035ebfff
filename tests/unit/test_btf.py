"""The kernel's type information: which members its structs have."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tcpconnect.bpf import btf

STRUCT, UNION, ENUM = 4, 5, 6
NAMES = b"\0rcu\0srcu_gp\0snapshot\0other\0"


def name(text: str) -> int:
    """Return where a name is."""
    return NAMES.index(b"\0" + text.encode() + b"\0") + 1


def made(kind: int, text: str, *members: str, flag: int = 0) -> bytes:
    """Return a type with members: struct btf_type, and struct btf_member for each."""
    head = struct.pack("<III", name(text), flag << 31 | kind << 24 | len(members), 16)
    return head + b"".join(struct.pack("<III", name(m), 1, 0) for m in members)


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the kernel's type information is expected."""
    path = tmp_path / "vmlinux"
    monkeypatch.setattr(btf, "VMLINUX", str(path))
    return path


def write(kernel: Path, *types: bytes) -> None:
    """Write type information; its header is longer than what is known of it."""
    data = b"".join(types)
    sizes = (32, 0, len(data), len(data), len(NAMES))
    header = struct.pack("<HBB5I", 0xEB9F, 1, 0, *sizes)
    kernel.write_bytes(header.ljust(32, b"\0") + data + NAMES)


@pytest.mark.parametrize("flag", [0, 1])
def test_member(kernel: Path, flag: int) -> None:
    """A member is found in its struct only, bit fields or not."""
    others = made(STRUCT, "other", "rcu"), made(UNION, "snapshot", "rcu")
    write(kernel, *others, made(STRUCT, "snapshot", "rcu", "srcu_gp", flag=flag))
    members = ("rcu", "srcu_gp", "snapshot", "missing")
    found = {member: btf.has_member("snapshot", member) for member in members}
    assert found == dict(zip(members, (True, True, False, False), strict=True))
    assert not btf.has_member("other", "srcu_gp")


def test_no_struct(kernel: Path) -> None:
    """The names are there, and no struct is."""
    write(kernel, made(ENUM, "snapshot"), made(STRUCT, "other", "srcu_gp"))
    assert not btf.has_member("snapshot", "srcu_gp")


def test_no_information(kernel: Path) -> None:
    """Where the kernel has none, libbpf says so."""
    assert not btf.has_member("snapshot", "srcu_gp")
    kernel.touch()
    assert not btf.has_member("snapshot", "srcu_gp")


def test_this_kernel() -> None:
    """A struct that every kernel has, as it is here."""
    if not Path(btf.VMLINUX).exists():
        pytest.skip("this kernel has no type information")
    members = ("pid", "skc_daddr")
    assert [btf.has_member("task_struct", m) for m in members] == [True, False]
