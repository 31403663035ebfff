"""The command that a message suggests to run the tool as root."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import tcpconnect
from tcpconnect.machine import capabilities
from tcpconnect.machine.sudo import as_root

MODULE = str(Path(tcpconnect.__file__).with_name("__main__.py"))


class Home:
    """A folder that is all of PATH, and another one."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "bin"
        self.other = folder / "a b"
        self.path.mkdir()
        self.other.mkdir()

    def install(self, name: str) -> str:
        """Put a program into PATH; return its path."""
        return self._make(self.path / name)

    def install_elsewhere(self, name: str) -> str:
        """Put a program where PATH does not lead; return its path."""
        return self._make(self.other / name)

    def _make(self, program: Path) -> str:
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        return str(program)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The only folder in PATH."""
    made = Home(tmp_path)
    monkeypatch.setenv("PATH", str(made.path))
    return made


def test_found_by_path(home: Home) -> None:
    """What PATH leads to is looked for in it, by the shell, not by sudo."""
    home.install("sudo")
    program = home.install("tcpconnect")
    assert as_root(program) == 'run: sudo "$(command -v tcpconnect)"'


def test_not_in_path(home: Home) -> None:
    """Elsewhere its path stands in the command, as the shell takes it."""
    home.install("sudo")
    program = home.install_elsewhere("tcpconnect")
    assert as_root(program) == f"run: sudo '{program}'"


def test_another_comes_first(home: Home) -> None:
    """Where PATH leads to another one, it is the one that was run."""
    home.install("sudo")
    home.install("tcpconnect")
    assert as_root(".venv/bin/tcpconnect") == "run: sudo .venv/bin/tcpconnect"


def test_module(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """``python -m tcpconnect`` is run by the same interpreter."""
    home.install("sudo")
    home.install("tcpconnect")
    monkeypatch.setattr(sys, "executable", "/my venv/bin/python3")
    assert as_root(MODULE) == "run: sudo '/my venv/bin/python3' -m tcpconnect"


@pytest.mark.parametrize("program", ["/usr/bin/pytest", "mine.py", "-c", ""])
def test_program_that_uses_the_api(home: Home, program: str) -> None:
    """How that is run we do not know."""
    home.install("sudo")
    assert as_root(program) == "run it as root"


def test_no_sudo(home: Home) -> None:
    """Nor what is there instead of sudo."""
    assert as_root(home.install("tcpconnect")) == "run it as root"


def test_root(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """For root without a capability, sudo changes nothing."""
    home.install("sudo")
    monkeypatch.setattr(sys, "argv", [home.install("tcpconnect")])
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert capabilities.missing(["CAP_BPF"])[1] == "grant this capability"
