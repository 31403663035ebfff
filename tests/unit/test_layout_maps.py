"""Variables and maps of the objects are those that Python sets and uses."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from tcpconnect.bpf import pinned
from tcpconnect.kernel import config, records
from tests.support.btf import BpfObject, Symbol

TOP = Path(__file__).parents[2]
BUILT = TOP / "src/tcpconnect/bpf"
OBJECTS = {
    name: BpfObject(BUILT / f"{name}.bpf.o")
    for name in (
        "attempts",
        "attempts_calls",
        "answers",
        "answers_failed",
        "lookups.x86_64",
        "lookups.aarch64",
        "lookups_failed.x86_64",
        "lookups_failed.aarch64",
    )
}
OBJECT = OBJECTS["attempts"]

VARIABLES = [
    *(
        (name, section, variable, structure)
        for name in ("attempts", "attempts_calls")
        for section, variable, structure in (
            (".rodata", "config", config.Config),
            (".bss", "progress", records.Progress),
            (".data.followed", "followed", records.Followed),
        )
    ),
    *(
        (name, ".bss", "progress", records.Progress)
        for name in OBJECTS
        if not name.startswith("attempts")
    ),
    *(
        (name, ".rodata", "config", config.Config)
        for name in OBJECTS
        if "_failed" in name
    ),
]


@pytest.mark.parametrize(("program", "section", "name", "structure"), VARIABLES)
def test_section_is_one_struct(
    program: str, section: str, name: str, structure: type[ctypes.Structure]
) -> None:
    """Its address is the address of the struct: nothing else is in the section."""
    size = ctypes.sizeof(structure)
    assert OBJECTS[program].symbols(section) == [Symbol(name, 0, size)]
    assert OBJECTS[program].section_size(section) == size


@pytest.mark.parametrize("program", OBJECTS)
def test_no_other_variables(program: str) -> None:
    """There are no variables that Python does not know of."""
    known = {section for of, section, *_ in VARIABLES if of == program}
    assert OBJECTS[program].sections(".rodata", ".bss", ".data") == known


@pytest.mark.parametrize(
    ("name", "key_size", "value_size"),
    [
        ("overflow", 8, records.SLOT.size),
        ("slots", 4, records.SLOT.size),
        ("flows", records.FLOW.size, records.FLOW_COUNTS.size),
        ("histogram", 4, 8),
        ("pids", 4, 1),
        ("uids", 4, 1),
        ("netnses", 8, 1),
        ("mntnses", 8, 1),
        ("not_mntnses", 8, 1),
        ("comms", 16, 1),
        ("not_comms", 16, 1),
        ("cgroups", 8, 2),
        ("cgroupmap", *pinned.SHAPES["--cgroupmap"]),
        ("mntnsmap", *pinned.SHAPES["--mntnsmap"]),
    ],
)
def test_map_has_the_sizes_it_is_used_with(
    name: str, key_size: int, value_size: int
) -> None:
    """Keys and values are as long as the memory that Python reads and writes."""
    found = OBJECT.map(name)
    assert (found.key_size, found.value_size) == (key_size, value_size)
