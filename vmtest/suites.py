"""One machine booted: for tests that change it, with systemd as the first process."""

from __future__ import annotations

import hashlib
import shutil
from argparse import ArgumentParser, Namespace
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
from .kernels import KERNELS, KernelFiles, fetch
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
    try:
        order = _prepare(suite, given)
    except VmError as error:
        say(f"{suite.name}: {error}")
        return 1
    return tell_results([read_run(order.kernel, carry_out(order))])


def parser_for(name: str, description: str | None, limit_s: int) -> ArgumentParser:
    """Return a parser of what all that boot one machine take."""
    parser = ArgumentParser(prog=f"python -m vmtest.{name}", description=description)
    add = parser.add_argument
    add("--kernel", default="6.12", choices=[kernel.name for kernel in KERNELS])
    add("--limit", type=int, default=limit_s, metavar="SECONDS")
    return parser


def _parse_arguments(suite: Suite, description: str | None) -> Namespace:
    parser = parser_for(suite.name, description, 1500)
    words = f"words for pytest; default: {suite.tests}"
    parser.add_argument("tests", nargs="?", default=suite.tests, help=words)
    return parser.parse_args()


def prepare(
    name: str,
    given: Namespace,
    more: Callable[[KernelFiles, str], More],
    script: str,
    cpus: int,
) -> Order:
    """Make all that a machine needs; return what is to run on it.

    ``more`` says what its root has, by the kernel and the address of a mirror of
    Debian. Raises VmError.
    """
    (kernel,) = (kernel for kernel in KERNELS if kernel.name == given.kernel)
    CACHE.mkdir(parents=True, exist_ok=True)
    with locked(CACHE, alone=True):
        mirror = host_mirror()
        files = fetch(kernel, CACHE, mirror)
        has = more(files, mirror)
        root = pack_root(kernel.arch, mirror, f"{name}-{kernel.arch}", has)
        return Order(CACHE, files, root, pack_project(), script, cpus, given.limit)


def _prepare(suite: Suite, given: Namespace) -> Order:
    words = f"{PYTEST} --junit-xml=/vm/out/{JUNIT} -o python_files=vm_*.py"
    script = f"cd /project\n{words} {given.tests}\n"
    with TemporaryDirectory(prefix=f"tcpconnect-{suite.name}-") as name:
        folder = Path(name)

        def add(root: Path) -> None:
            (root / "etc/systemd/system/vm.service").write_text(UNIT)
            shutil.rmtree(root / INSIDE, ignore_errors=True)
            shutil.copytree(folder, root / INSIDE)

        def more(files: KernelFiles, _: str) -> More:
            if suite.gather:
                suite.gather(files.kernel.arch, folder)
            return More(suite.packages, add, _key(folder), tool=suite.gather is None)

        return prepare(suite.name, given, more, script, suite.cpus)


def _key(folder: Path) -> str:
    """Return what changes with what is added to the machine."""
    digest = hashlib.sha256(UNIT.encode())
    for package in sorted(folder.rglob("*.*")):
        digest.update(package.name.encode() + package.read_bytes())
    return digest.hexdigest()
