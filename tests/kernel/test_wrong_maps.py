"""--cgroupmap and --mntnsmap with a path that is not the map they need."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import kernel_objects, run_tool
from tests.support.system import sh
from tests.support.tool import Tool

if TYPE_CHECKING:
    from pathlib import Path

NEEDED = {
    "cgroup": "expected a pinned BPF map of type hash, key 8, value 8 bytes",
    "mntns": "expected a pinned BPF map of type hash, key 8, value 4 bytes",
}
KINDS = list(NEEDED)


def make_map(path: Path, shape: str) -> Path:
    """Pin a new map made by bpftool."""
    sh(f"bpftool map create {path} {shape} name wanted")
    return path


def refusal(kind: str, path: Path) -> str:
    """Run with this path; return the only line of its error, without its ends."""
    result = run_tool(f"--{kind}map", path)
    assert (result.returncode, result.stdout) == (2, "")
    start, end = (
        f"tcpconnect: --{kind}map: invalid map '{path}': ",
        f"; {NEEDED[kind]}\n",
    )
    assert result.stderr.startswith(start)
    assert result.stderr.endswith(end)
    return result.stderr.removeprefix(start).removesuffix(end)


WRONG = {
    "type array key 4 value 8": "it is a map of type array, key 4, value 8 bytes",
    "type lru_hash key 8 value 8": "it is a map of type lru_hash, key 8, value 8 bytes",
    "type hash key 4 value 8": "it is a map of type hash, key 4, value 8 bytes",
    "type hash key 8 value 16": "it is a map of type hash, key 8, value 16 bytes",
}


@pytest.mark.parametrize("shape", WRONG)
@pytest.mark.parametrize("kind", KINDS)
def test_map_of_wrong_shape(bpffs: Path, kind: str, shape: str) -> None:
    """One line says which map was found and which one is needed."""
    path = make_map(bpffs / "wrong", f"{shape} entries 8")
    assert refusal(kind, path) == WRONG[shape]


def test_maps_exchanged(bpffs: Path) -> None:
    """The map of one option is not right for the other."""
    cgroups = make_map(bpffs / "cgroups", "type hash key 8 value 8 entries 8")
    mntnses = make_map(bpffs / "mntnses", "type hash key 8 value 4 entries 8")
    expected = "it is a map of type hash, key 8, value {} bytes"
    assert refusal("mntns", cgroups) == expected.format(8)
    assert refusal("cgroup", mntnses) == expected.format(4)


@pytest.mark.parametrize("kind", KINDS)
def test_path_that_is_no_map(tmp_path: Path, kind: str) -> None:
    """One line says that nothing is there, or that it is something else."""
    assert refusal(kind, tmp_path / "missing") == "No such file or directory"
    assert refusal(kind, tmp_path) == "it is a directory"
    file = tmp_path / "file"
    file.touch()
    assert refusal(kind, file) == "it is not a pinned BPF object"


@pytest.mark.parametrize("kind", KINDS)
def test_empty_path(kind: str) -> None:
    """The empty path, of a variable that is not set, is no path; not "no filter"."""
    result = run_tool(f"--{kind}map", "", "--duration", "0.01", "-p", os.getpid())
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_path(kind: str) -> None:
    """What a script passes on may be anything: the error is one harmless line."""
    result = run_tool(f"--{kind}map", "\x1b[31m\n\x9b0m\u202e")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.removesuffix("\n").isprintable()


@pytest.mark.parametrize("kind", ["prog", "link"])
def test_path_that_is_a_program_or_link(bpffs: Path, kind: str) -> None:
    """Other things that can be pinned are named, too."""
    path = bpffs / "other"
    with Tool("-p", os.getpid()) as tool:
        number = min(kernel_objects(tool.process.pid)[kind])
        sh(f"bpftool {kind} pin id {number} {path}")
    found = refusal("cgroup", path)
    path.unlink()
    assert found == f"it is a bpf-{kind}, not a map"
