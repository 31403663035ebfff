"""scripts/system-packages: what it finds, and what it does about what is missing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.programs import show_to_all

SCRIPT = Path(__file__).parents[2] / "scripts/system-packages"
NOBODY = 65534

PATH = "/usr/local/bin:/usr/bin:/bin"  # as a user of Debian has it


def run(*arguments: str, path: str) -> subprocess.CompletedProcess[str]:
    """Run it as a user who isn't root, who may not even read where it is."""
    nobody = None if os.geteuid() else NOBODY
    with SCRIPT.open() as script:
        return subprocess.run(
            ["/bin/sh", "-s", *arguments],
            check=False,
            capture_output=True,
            text=True,
            stdin=script,
            cwd="/",
            env={"PATH": path},
            user=nobody,
            group=nobody,
            extra_groups=None if nobody is None else (),
        )


class Machine:
    """A machine that has few programs; all but those are those of this one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        show_to_all(folder)
        self.link("python3", "id")

    def link(self, *names: str) -> None:
        """Put programs of this machine into PATH."""
        for name in names:
            (self.folder / name).symlink_to(shutil.which(name, path=PATH) or "")

    def program(self, name: str, text: str) -> None:
        """Put a program of the shell into PATH."""
        (self.folder / name).unlink(missing_ok=True)
        (self.folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.folder / name).chmod(0o755)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run the script there; return its exit code and what it printed."""
        done = run(*arguments, path=str(self.folder))
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine that has no program but those that the script itself calls."""
    return Machine(tmp_path)


@pytest.mark.parametrize("argument", ["", "test", "vm"])
def test_path_of_a_user(argument: str) -> None:
    """What is in sbin, which isn't in a user's PATH, is found all the same."""
    found = run(argument, path=f"{PATH}:/usr/sbin:/sbin")
    here = run(argument, path=PATH)
    assert (here.returncode, here.stderr) == (found.returncode, found.stderr)


def test_nothing_is_missing(machine: Machine) -> None:
    """With libbpf and venv a user needs nothing more, and reads nothing."""
    assert machine.run() == (0, "", "")


def test_needed(machine: Machine) -> None:
    """Without them, a user is shown the command that installs them."""
    machine.program("python3", "exit 1")
    machine.program("apt-get", "exit 1")
    install = "run this as root, or: sudo apt-get install libbpf1 python3-venv\n"
    expected = (1, "", f"missing: libbpf1 python3-venv; {install}")
    assert machine.run() == expected


def test_no_apt(machine: Machine) -> None:
    """Elsewhere the names are Debian's, and the README has others."""
    machine.program("python3", "exit 1")
    names = "libbpf1 python3-venv (Debian's names)"
    expected = f"missing: {names}; README.md has those of other systems\n"
    assert machine.run() == (1, "", expected)


def test_tools_of_tests(machine: Machine) -> None:
    """Without root, the tests that need them are skipped: they are named only."""
    code, out, err = machine.run("test")
    assert (code, out, err.count("\n")) == (0, "", 1)
    assert err.startswith("not installed (some tests are skipped without): ")
    assert " curl " in err


def test_tools_of_virtual_machines(machine: Machine) -> None:
    """Without these there is no virtual machine."""
    machine.program("apt-get", "exit 1")
    code, out, err = machine.run("vm")
    assert (code, out) == (1, "")
    assert err.startswith("missing: qemu-system-x86 qemu-system-arm mmdebstrap ")


def test_said_before_it_is_done(machine: Machine) -> None:
    """What is going to be installed is printed before apt-get, which ends it, runs."""
    machine.program("python3", "exit 1")
    machine.program("id", "echo 0")
    machine.program("apt-get", "kill $PPID")
    expected = "Downloading and installing Debian packages, with apt-get:"
    said = f"{expected} libbpf1 python3-venv\n"
    assert machine.run() == (-signal.SIGTERM, "", said)
