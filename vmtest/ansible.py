"""Boots a machine with systemd, and has the role of packaging/ansible set it up."""

from __future__ import annotations

import argparse
import shutil
import sys
from typing import TYPE_CHECKING

from .__main__ import (
    CACHE,
    PYTEST,
    More,
    carry_out,
    pack_project,
    pack_root,
    say,
    tell_results,
)
from .boot import Order
from .cache import TOP, locked
from .debian import host_mirror
from .errors import VmError
from .kernels import KERNELS, fetch
from .report import JUNIT, read_run
from .systemd import UNIT, add_unit

if TYPE_CHECKING:
    from pathlib import Path

TESTS = "--timeout 1400 -o python_files=vm_*.py tests/ansible"
PACKAGES = (
    *("systemd", "dbus", "passwd", "procps", "apt", "python3-apt", "ansible-core"),
    "sudo",
)
INSIDE = "packages"  # the folder of the machine that has the package


def main() -> int:
    """Return 0 when all tests pass."""
    parser = argparse.ArgumentParser(
        prog="python -m vmtest.ansible", description=__doc__
    )
    add = parser.add_argument
    add("--kernel", default="6.12", choices=[k.name for k in KERNELS])
    add("--limit", type=int, default=1500, metavar="SECONDS")
    given = parser.parse_args()
    (kernel,) = (kernel for kernel in KERNELS if kernel.name == given.kernel)
    CACHE.mkdir(parents=True, exist_ok=True)
    mirror = host_mirror()
    try:
        package = newest_package(kernel.arch)
        with locked(CACHE, alone=True):
            files = fetch(kernel, CACHE, mirror)

            def add_package(root: Path) -> None:
                add_unit(root)
                shutil.rmtree(root / INSIDE, ignore_errors=True)
                (root / INSIDE).mkdir()
                shutil.copy(package, root / INSIDE)

            key = f"{package.name} {package.stat().st_mtime_ns} {UNIT}"
            more = More(PACKAGES, add_package, key, tool=False)
            root = pack_root(kernel.arch, mirror, "ansible", more)
            project = pack_project()
    except VmError as error:
        say(f"ansible: {error}")
        return 1
    script = f"cd /project\n{PYTEST} --junit-xml=/vm/out/{JUNIT} {TESTS}\n"
    order = Order(CACHE, files, root, project, script, cpus=2, limit_s=given.limit)
    return tell_results([read_run(files, carry_out(order))])


def newest_package(arch: str) -> Path:
    """Return the package that `make deb` has made last. Raises VmError."""
    found = [*(TOP / "dist").glob(f"*_{arch}.deb")]
    if not found:
        raise VmError(f"no package for {arch} in dist/: make deb ARGS=--arch={arch}")
    return max(found, key=lambda path: path.stat().st_mtime)


if __name__ == "__main__":
    sys.exit(main())
