"""Runs tests that change their machine: one whose first process is systemd."""

from __future__ import annotations

import argparse
import hashlib
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

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
from .kernels import KERNELS, Kernel, fetch
from .report import JUNIT, read_run

if TYPE_CHECKING:
    from collections.abc import Callable

INSIDE = "packages"  # the folder of the machine with what was gathered for it

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


class Suite(NamedTuple):
    """Tests, named so that nothing else runs them, and what their machine has.

    ``gather`` puts packages of the tool for an architecture into a folder, which will
    be /packages there, and raises VmError; without it the tool is there already.
    """

    name: str
    tests: str
    packages: tuple[str, ...]
    gather: Callable[[str, Path], None] | None = None
    cpus: int = 1


def run_suite(suite: Suite, description: str | None) -> int:
    """Do what the command line says; return 0 when all tests pass."""
    given = _parse_arguments(suite, description)
    (kernel,) = (kernel for kernel in KERNELS if kernel.name == given.kernel)
    CACHE.mkdir(parents=True, exist_ok=True)
    try:
        with locked(CACHE, alone=True):
            order = _prepare(suite, kernel, given.tests or suite.tests, given.limit)
    except VmError as error:
        say(f"{suite.name}: {error}")
        return 1
    return tell_results([read_run(order.kernel, carry_out(order))])


def _parse_arguments(suite: Suite, description: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=f"python -m vmtest.{suite.name}", description=description
    )
    add = parser.add_argument
    add("tests", nargs="?", help=f"words for pytest; default: {suite.tests}")
    add("--kernel", default="6.12", choices=[kernel.name for kernel in KERNELS])
    add("--limit", type=int, default=1500, metavar="SECONDS")
    return parser.parse_args()


def _prepare(suite: Suite, kernel: Kernel, tests: str, limit_s: int) -> Order:
    """Make all that the machine needs."""
    mirror = host_mirror()
    files = fetch(kernel, CACHE, mirror)
    with TemporaryDirectory(dir=CACHE) as name:
        folder = Path(name)
        if suite.gather:
            suite.gather(kernel.arch, folder)

        def add(root: Path) -> None:
            (root / "etc/systemd/system/vm.service").write_text(UNIT)
            shutil.rmtree(root / INSIDE, ignore_errors=True)
            shutil.copytree(folder, root / INSIDE)

        more = More(suite.packages, add, _key(folder), tool=suite.gather is None)
        root = pack_root(kernel.arch, mirror, f"{suite.name}-{kernel.arch}", more)
    words = f"{PYTEST} --junit-xml=/vm/out/{JUNIT} -o python_files=vm_*.py {tests}"
    script = f"cd /project\n{words}\n"
    return Order(CACHE, files, root, pack_project(), script, suite.cpus, limit_s)


def _key(folder: Path) -> str:
    """Return what changes with what is added to the machine."""
    digest = hashlib.sha256(UNIT.encode())
    for package in sorted(folder.rglob("*.*")):
        digest.update(package.name.encode() + package.read_bytes())
    return digest.hexdigest()
