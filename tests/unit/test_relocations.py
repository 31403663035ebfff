"""Which types of the kernel programs name, found in their objects."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcpconnect.bpf import relocations
from tcpconnect.bpf.relocations import named_types
from tests.support.btf import BpfObject

OBJECTS = sorted(Path(relocations.__file__).parent.glob("*.bpf.o"))
# enum bpf_core_relo_kind: of members, and of an enum's values.
KINDS = {*range(6), 10, 11}
ANY = type("Any", (set,), {"__contains__": lambda *_: True})()


@pytest.mark.parametrize("path", OBJECTS, ids=lambda path: path.name)
def test_every_function(path: Path) -> None:
    """All functions together name what libbpf relocates."""
    listed = {number for number, _ in BpfObject(path).relocated()}
    assert named_types(path.read_bytes(), ANY) == listed


@pytest.mark.parametrize("path", OBJECTS, ids=lambda path: path.name)
def test_only_members_and_values(path: Path) -> None:
    """A type itself has a number that only the kernel's types have: nothing asks."""
    assert {kind for _, kind in BpfObject(path).relocated()} <= KINDS


def test_some_functions() -> None:
    """Of a program that is not loaded nothing has to be found."""
    image = next(path for path in OBJECTS if path.name == "attempts.bpf.o").read_bytes()
    plain, more = (
        named_types(image, {f"attempt_changes_{name}".encode()})
        for name in ("socket", "image")
    )
    assert plain < more
    assert not named_types(image, {b"exclude_nothing"})
