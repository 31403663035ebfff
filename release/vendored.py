"""Wheels of others that packages bring along, for each Python that they run on.

One folder serves all of these: the name of a compiled module has the version of Python.
"""

from __future__ import annotations

import platform
import sys
import zipfile
from pathlib import PurePath
from typing import TYPE_CHECKING

from release.source import TOP
from release.trial import TrialError, run

if TYPE_CHECKING:
    from pathlib import Path

# Those of Debian 12 and 13, Ubuntu 24.04, RHEL 10 and current Fedora; the dependencies
# in packaging/ say the same.
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
PLATFORMS = ("manylinux2014_{machine}", "manylinux_2_28_{machine}")
LOCKED = TOP / "packaging/vendored"
ALL, EACH, BEFORE = "all.txt", "each.txt", "before-3.14.txt"
# For those who write programs, and for pip; what names versions is used.
UNUSED = (".pyi", "/py.typed", ".c")
METADATA = ".dist-info/METADATA"
LICENSES = ("LICENSE", "COPYING", "NOTICE", "AUTHORS")


def own_arch() -> str:
    """Return this machine's architecture, as Debian calls it. Raises TrialError."""
    here = platform.machine()
    for arch, machine in MACHINES.items():
        if machine == here:
            return arch
    raise TrialError(f"there are packages for {', '.join(MACHINES)}, not for {here}")


def unpack(arch: str, folder: Path, room: Path) -> str:
    """Put the wheels for an architecture into a folder; return all their licenses.

    ``room`` is for what is downloaded; nothing but what the hashes name is. Raises
    TrialError.
    """
    licenses = {}
    for python in PYTHONS:
        wheels = room / python
        lists = [EACH]
        if python == PYTHONS[0]:
            lists.append(ALL)
        if python != "3.14":
            lists.append(BEFORE)
        _download(lists, python, MACHINES[arch], wheels)
        for wheel in sorted(wheels.glob("*.whl")):
            name, version = wheel.name.split("-")[:2]
            licenses[f"{name} {version}"] = _unpack_wheel(wheel, folder)
    return "\n\n".join(f"{name}\n\n{licenses[name]}" for name in sorted(licenses))


def _download(lists: list[str], python: str, machine: str, wheels: Path) -> None:
    run(
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
        *("--disable-pip-version-check", "--only-binary=:all:", "--require-hashes"),
        *(f"--requirement={LOCKED / name}" for name in lists),
        *(f"--platform={name.format(machine=machine)}" for name in PLATFORMS),
        *("--python-version", python, "--dest", wheels),
    )


def _unpack_wheel(wheel: Path, folder: Path) -> str:
    """Return what it has in files for licenses, which are not unpacked."""
    licenses = []
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            wanted = ".dist-info/" not in name or name.endswith(METADATA)
            if PurePath(name).name.startswith(LICENSES):
                licenses.append(archive.read(name).decode())
            elif wanted and not name.endswith(UNUSED):
                archive.extract(name, folder)
    return "\n".join(licenses)
