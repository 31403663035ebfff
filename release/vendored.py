"""Wheels of others that packages bring along, for each Python that they run on.

One folder serves all of these: the name of a compiled module has the version of Python.
"""

from __future__ import annotations

import sys
import zipfile
from typing import TYPE_CHECKING

from release.source import TOP
from release.trial import run

if TYPE_CHECKING:
    from pathlib import Path

# Those of Debian 12 and 13, Ubuntu 24.04, RHEL 10 and current Fedora; the dependencies
# in packaging/ say the same.
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
PLATFORMS = ("manylinux2014_{machine}", "manylinux_2_28_{machine}")
LOCKED = TOP / "packaging/vendored.txt"
# For those who write programs, and for pip.
UNUSED = (".pyi", "/py.typed")


def unpack(arch: str, folder: Path, room: Path) -> None:
    """Put the wheels for an architecture into a folder. Raises TrialError.

    ``room`` is for what is downloaded; nothing but what the hashes name is.
    """
    for python in PYTHONS:
        wheels = room / python
        platforms = [
            f"--platform={name.format(machine=MACHINES[arch])}" for name in PLATFORMS
        ]
        run(
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
            *("--disable-pip-version-check", "--only-binary=:all:", *platforms),
            *("--require-hashes", "--python-version", python),
            *("--requirement", LOCKED, "--dest", wheels),
        )
        for wheel in sorted(wheels.glob("*.whl")):
            _unpack_wheel(wheel, folder)


def _unpack_wheel(wheel: Path, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if ".dist-info/" not in name and not name.endswith(UNUSED):
                archive.extract(name, folder)
