"""Boots a machine whose first process is systemd, and runs tests/systemd in it."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from .__main__ import CACHE, PYTEST, carry_out, pack_project, say, tell_results
from .boot import Order
from .cache import cached, key_of, locked, pack
from .debian import host_mirror
from .errors import VmError
from .kernels import KERNELS, fetch
from .project import build_wheel, install
from .report import JUNIT, read_run
from .roots import make_root

if TYPE_CHECKING:
    from pathlib import Path

# Named so that they are run nowhere else: they install units and make users.
TESTS = "-o python_files=vm_*.py tests/systemd"

PACKAGES = ("systemd", "dbus", "libcap2-bin", "passwd", "podman")

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
        prog="python -m tests.vm.systemd", description=__doc__
    )
    add = parser.add_argument
    add("--kernel", default="6.12", choices=[k.name for k in KERNELS])
    add("--limit", type=int, default=900, metavar="SECONDS")
    given = parser.parse_args()
    (kernel,) = (kernel for kernel in KERNELS if kernel.name == given.kernel)
    CACHE.mkdir(parents=True, exist_ok=True)
    mirror = host_mirror()
    try:
        with locked(CACHE, alone=True):
            files = fetch(kernel, CACHE, mirror)
            root = pack_root(kernel.arch, mirror)
            project = pack_project()
    except VmError as error:
        say(f"systemd: {error}")
        return 1
    script = f"cd /project\n{PYTEST} --junit-xml=/vm/out/{JUNIT} {TESTS}\n"
    order = Order(CACHE, files, root, project, script, cpus=1, limit_s=given.limit)
    return tell_results([read_run(files, carry_out(order))])


def pack_root(arch: str, mirror: str) -> Path:
    """Return the archive of a root with systemd and the tool."""
    say("systemd: make the root file system")
    root = make_root(arch, CACHE, mirror, PACKAGES)
    wheel = build_wheel(CACHE)

    def make(folder: Path) -> None:
        install(root, arch, wheel)
        (root.folder / "etc/systemd/system/vm.service").write_text(UNIT)
        pack(root.folder, folder / "root.cpio")

    key = f"{key_of(root.folder)} {key_of(wheel.parent)} {UNIT}"
    return cached(CACHE / "archive-systemd", key, make) / "root.cpio"


if __name__ == "__main__":
    sys.exit(main())
