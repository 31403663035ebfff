"""The tool as its users install it, and its tests, in a root file system."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from typing import TYPE_CHECKING

from .cache import TOP, cached
from .errors import run

if TYPE_CHECKING:
    from pathlib import Path

    from .roots import Root

SOURCES = (
    "bpf",
    "src",
    "share",
    "docs",
    "hatch_build.py",
    "pyproject.toml",
    "README.md",
    "LICENSE",
)
TEST_TOOLS = (
    *("dnspython", "hypothesis", "prometheus-client", "pytest", "pytest-timeout"),
    "textual",
)

# Python looks here for what is not Debian's, and finds itself in /usr/bin.
LIBRARY = "usr/local/lib/python{version}/dist-packages"
PROGRAMS = "usr/bin"
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
INTERPRETER = b"#!/usr/bin/python3\n"


def files(*under: str) -> list[str]:
    """Return the project's files, those not yet committed too."""
    # The checkout may be another user's; nothing in it is run here.
    listing = run(
        *("git", "-c", "safe.directory=*", "ls-files"),
        *("--cached", "--others", "--exclude-standard", "--", *under),
        what="list the project's files",
        cwd=TOP,
    )
    return [name for name in listing.splitlines() if (TOP / name).is_file()]


def build_wheel(cache: Path) -> Path:
    """Return the tool's wheel, built when its sources have changed."""

    def make(folder: Path) -> None:
        run(
            *(sys.executable, "-m", "build", "--wheel", "--outdir", folder, TOP),
            what="build the wheel",
        )

    digest = hashlib.sha256()
    for name in files(*SOURCES):
        digest.update(name.encode() + b"\0" + (TOP / name).read_bytes())
    (wheel,) = cached(cache / "wheel", digest.hexdigest(), make).glob("*.whl")
    return wheel


def install(root: Root, arch: str, wheel: Path | None) -> None:
    """Put the wheel, and what its tests need from PyPI, into a root file system.

    Without one, they will find the tool as a package.
    """
    path = LIBRARY.format(version=root.python)
    library = root.folder / path
    machine = MACHINES[arch]
    shutil.rmtree(library, ignore_errors=True)
    run(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--target", library),
        *("--no-compile", "--only-binary=:all:", "--python-version", root.python),
        *(f"--platform=manylinux_2_{minor}_{machine}" for minor in (17, 28)),
        f"--platform=manylinux2014_{machine}",
        *filter(None, (wheel, *TEST_TOOLS)),
        what="install what the tests need",
    )
    for script in (library / "bin").iterdir():
        _, _, rest = script.read_bytes().partition(b"\n")
        program = root.folder / PROGRAMS / script.name
        program.write_bytes(INTERPRETER + rest)
        program.chmod(0o755)
    if root.native:
        run(
            *("chroot", root.folder, "python3", "-m", "compileall", "-q"),
            f"/{path}",
            what="compile the Python modules",
        )


def copy_files(target: Path) -> None:
    """Copy all of the project's files to /project of a file tree."""
    for name in files():
        copy = target / "project" / name
        os.makedirs(copy.parent, exist_ok=True)
        shutil.copy(TOP / name, copy)
