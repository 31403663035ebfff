"""Programs relocated by few types are those that libbpf makes with all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcpconnect.bpf import few_types
from tcpconnect.bpf.few_types import FewTypes
from tcpconnect.bpf.object import BpfObject
from tcpconnect.kernel.elf import MACHINE
from tcpconnect.kernel.preflight import ready_library

OBJECTS = {
    "answers": ["answer", "question"],
    f"lookups.{MACHINE}": ["getaddrinfo_return", "gethostbyname_return", "exec"],
}


def tags(name: str, types: FewTypes | None = None) -> list[str]:
    """Return what the kernel says of a loaded object's programs: their hashes."""
    bpf = BpfObject(ready_library(), name, types)
    with bpf.closed_on_failure():
        bpf.resize("ring", 65536)
        bpf.load()
        about = [
            Path(f"/proc/self/fdinfo/{bpf.program_fd(program)}").read_text()
            for program in OBJECTS[name]
        ]
    bpf.close()
    return [text.partition("prog_tag:")[2].split()[0] for text in about]


@pytest.mark.parametrize("name", OBJECTS)
def test_same_programs(name: str) -> None:
    """All offsets are the same: of each program the kernel says so."""
    types = FewTypes()
    try:
        assert tags(name, types) == tags(name)
    finally:
        types.close()


def test_all_types_where_few_do_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A struct that has another name in this kernel: libbpf reads all types."""
    monkeypatch.setitem(few_types.MEMBERS, "progress", "renamed")
    types = FewTypes()
    try:
        assert tags("answers", types) == tags("answers")
    finally:
        types.close()
