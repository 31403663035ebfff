"""The Makefile: what it says before it downloads and installs."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.programs import needs

TOP = Path(__file__).parents[2]
SECTION = r"^{} = \[(.*?)\n?\]"


class Checkout:
    """This checkout, with an environment in which pip and the tool only say so."""

    def __init__(self, venv: Path) -> None:
        self.venv = venv
        (venv / "bin").mkdir(parents=True)
        for name in ("pip", "tcpconnect"):
            (venv / "bin" / name).write_text(f'#!/bin/sh\necho "{name} runs"\n')
            (venv / "bin" / name).chmod(0o755)

    def make(self, target: str) -> list[str]:
        """Make a target; return the lines printed."""
        outer = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")  # of the make that runs the tests
        done = subprocess.run(
            ["make", target, f"VENV={self.venv}", "ARGS="],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=TOP,
            env={key: value for key, value in os.environ.items() if key not in outer},
        )
        return done.stdout.splitlines()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout in which nothing has been installed."""
    needs("make")
    return Checkout(tmp_path / "venv")


def names(section: str) -> set[str]:
    """Return the names of the packages in a list of pyproject.toml."""
    project = (TOP / "pyproject.toml").read_text()
    found = re.search(SECTION.format(section), project, re.MULTILINE | re.DOTALL)
    assert found
    return set(re.findall(r'"([\w-]+)', found[1]))


def words(lines: list[str]) -> set[str]:
    """Return the words of some lines."""
    return set(re.findall(r"[\w-]+", " ".join(lines)))


@pytest.mark.parametrize("target", ["install", "run"])
def test_said_before_it_is_done(checkout: Checkout, target: str) -> None:
    """What is downloaded, and where it is put, is printed before pip runs."""
    lines = checkout.make(target)
    said = lines[: lines.index("pip runs")]
    assert f"into {checkout.venv}." in said[0]
    assert words(said) >= names("requires") | names("dependencies")


def test_tools_too(checkout: Checkout) -> None:
    """So it is for the tools of tests and checks."""
    checkout.make("install")
    lines = checkout.make(str(checkout.venv / "tools"))
    said = lines[: lines.index("pip runs")]
    assert f"into {checkout.venv} " in said[0]
    assert words(said) >= names("dev")


def test_nothing_to_do(checkout: Checkout) -> None:
    """When all is installed, nothing is printed."""
    checkout.make("install")
    assert checkout.make("install") == []
    command = f"{checkout.venv}/bin/tcpconnect"
    assert checkout.make("run") == [f"{command} ", "tcpconnect runs"]
