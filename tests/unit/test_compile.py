"""What compiles the BPF programs: when an object is current."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bpf import __main__ as compiling
from bpf import strip

TOP = Path(__file__).parents[2]
OTHERS = ("pyproject.toml", "__main__.py", "strip.py")
SOURCES = ("attempts.bpf.c", "kernel.h", "room.h")


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An object made of three files, as the compiler lists them, a second after."""
    listed = "attempts.bpf.o: attempts.bpf.c kernel.h \\\n  room.h\n"
    (tmp_path / "attempts.d").write_text(listed)
    for name in (*SOURCES, *OTHERS):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1, 1))
    made = tmp_path / "attempts.bpf.o"
    made.touch()
    os.utime(made, (2, 2))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(compiling, "__file__", "__main__.py")
    monkeypatch.setattr(strip, "__file__", "strip.py")
    return made


def is_current(made: Path) -> bool:
    """Tell whether it is."""
    return compiling.is_current(made, made.with_name("attempts.d"))


def test_current(made: Path) -> None:
    """What is newer than all its sources is not compiled again."""
    assert is_current(made)


@pytest.mark.parametrize("name", [*SOURCES, *OTHERS])
def test_changed(made: Path, name: str) -> None:
    """A source, a header, the compiler's version or its flags are newer."""
    os.utime(name, (3, 3))
    assert not is_current(made)


@pytest.mark.parametrize("name", ["room.h", "attempts.bpf.o", "attempts.d"])
def test_missing(made: Path, name: str) -> None:
    """The object, a header that it had, or the list of them is not there."""
    os.unlink(name)
    assert not is_current(made)


def test_nothing_for_debuggers() -> None:
    """What is in the package has no DWARF: it would be three fifths of an object."""
    for path in compiling.OBJECTS.glob("*.bpf.o"):
        assert strip.stripped(path.read_bytes()) == path.read_bytes()


def test_headers_are_short() -> None:
    """Each has one job: 200 lines are enough for it."""
    headers = list((TOP / "bpf").glob("*.h"))
    lengths = {path.name: len(path.read_text().splitlines()) for path in headers}
    assert headers
    assert {name: n for name, n in lengths.items() if n > 200} == {}
