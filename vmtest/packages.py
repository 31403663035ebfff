"""Boots a machine with systemd, and installs, upgrades and removes packages in it."""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import tempfile
from pathlib import Path

from release.packages import make
from release.trial import TrialError

from .__main__ import CACHE, More, pack_project, pack_root, say
from .cache import locked
from .debian import host_mirror
from .errors import VmError
from .kernels import KERNELS, KernelFiles, fetch
from .systemd import UNIT, add_unit, run_tests

TESTS = "-o python_files=vm_*.py tests/packages"
PACKAGES = ("systemd", "dbus", "passwd", "procps", "rpm")

# What the tests upgrade from: no version before 0.2.0 has been packaged, so it is the
# same source with the number before it.
OLD = "0.1.0"
KINDS = ["deb", "rpm"]
INSIDE = "packages"  # the folder of the machine that has them: old/, new/


def main() -> int:
    """Return 0 when all tests pass."""
    parser = argparse.ArgumentParser(
        prog="python -m vmtest.packages", description=__doc__
    )
    add = parser.add_argument
    add("--kernel", default="6.12", choices=[k.name for k in KERNELS])
    add("--limit", type=int, default=1500, metavar="SECONDS")
    given = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    try:
        with locked(CACHE, alone=True):
            files, root, project = prepare(given.kernel)
    except (VmError, TrialError) as error:
        say(f"packages: {error}")
        return 1
    return run_tests(files, root, project, TESTS, given.limit)


def prepare(name: str) -> tuple[KernelFiles, Path, Path]:
    """Make the packages, and all that the machine needs."""
    (kernel,) = (kernel for kernel in KERNELS if kernel.name == name)
    mirror = host_mirror()
    files = fetch(kernel, CACHE, mirror)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        made = Path(folder)
        for version, where in ((OLD, "old"), (None, "new")):
            say(f"packages: make {where}")
            make(KINDS, kernel.arch, version, made / where)
        digest = hashlib.sha256(UNIT.encode())
        for package in sorted(made.glob("*/*")):
            digest.update(package.read_bytes())

        def add(root: Path) -> None:
            add_unit(root)
            shutil.rmtree(root / INSIDE, ignore_errors=True)
            shutil.copytree(made, root / INSIDE)

        more = More(PACKAGES, add, digest.hexdigest(), tool=False)
        root = pack_root(kernel.arch, mirror, "packages", more)
    return files, root, pack_project()


if __name__ == "__main__":
    sys.exit(main())
