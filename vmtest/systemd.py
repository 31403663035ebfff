"""Boots a machine whose first process is systemd, and runs tests/systemd in it."""

from __future__ import annotations

import argparse
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
from .cache import locked
from .debian import host_mirror
from .errors import VmError
from .kernels import KERNELS, KernelFiles, fetch
from .report import JUNIT, read_run

if TYPE_CHECKING:
    from pathlib import Path

# Named so that they are run nowhere else: they install units and make users.
TESTS = "-o python_files=vm_*.py tests/systemd"

PACKAGES = (
    *("systemd", "systemd-resolved", "dbus", "libcap2-bin", "passwd", "podman"),
    "procps",
)

# What /init does, once systemd has started all else.
UNIT = """\
[Unit]
Requires=basic.target
After=basic.target

[Service]
Type=oneshot
ExecStart=/bin/sh /init
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console
"""


def main() -> int:
    """Return 0 when all tests pass."""
    parser = argparse.ArgumentParser(
        prog="python -m vmtest.systemd", description=__doc__
    )
    add = parser.add_argument
    add("--kernel", default="6.12", choices=[k.name for k in KERNELS])
    add("--limit", type=int, default=1500, metavar="SECONDS")
    given = parser.parse_args()
    (kernel,) = (kernel for kernel in KERNELS if kernel.name == given.kernel)
    CACHE.mkdir(parents=True, exist_ok=True)
    mirror = host_mirror()
    try:
        with locked(CACHE, alone=True):
            files = fetch(kernel, CACHE, mirror)
            more = More(PACKAGES, add_unit, UNIT)
            root = pack_root(kernel.arch, mirror, "systemd", more)
            project = pack_project()
    except VmError as error:
        say(f"systemd: {error}")
        return 1
    return run_tests(files, root, project, TESTS, given.limit)


def run_tests(
    files: KernelFiles, root: Path, project: Path, tests: str, limit_s: int
) -> int:
    """Boot a machine and run tests in it; return 0 when all pass."""
    script = f"cd /project\n{PYTEST} --junit-xml=/vm/out/{JUNIT} {tests}\n"
    order = Order(CACHE, files, root, project, script, cpus=1, limit_s=limit_s)
    return tell_results([read_run(files, carry_out(order))])


def add_unit(root: Path) -> None:
    """Have systemd start the tests."""
    (root / "etc/systemd/system/vm.service").write_text(UNIT)


if __name__ == "__main__":
    sys.exit(main())
