"""Boots a machine with systemd, and has the role of packaging/ansible set it up."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from .cache import TOP
from .errors import VmError
from .suites import Suite, run_suite

if TYPE_CHECKING:
    from pathlib import Path


def gather(arch: str, folder: Path) -> None:
    """Take the package that `make deb` has made last."""
    found = [*(TOP / "dist").glob(f"*_{arch}.deb")]
    if not found:
        raise VmError(f"no package for {arch} in dist/: make deb ARGS=--arch={arch}")
    shutil.copy(max(found, key=lambda path: path.stat().st_mtime), folder)


SUITE = Suite(
    name="ansible",
    tests="--timeout 1400 tests/ansible",
    packages=(
        *("systemd", "dbus", "passwd", "procps", "apt", "python3-apt"),
        *("ansible-core", "sudo"),
    ),
    gather=gather,
    cpus=2,
)

if __name__ == "__main__":
    sys.exit(run_suite(SUITE, __doc__))
