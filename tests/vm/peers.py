"""Boots a machine with the peers in it, and prints the report."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from typing import TYPE_CHECKING

from bench.peers.report import report

from .__main__ import CACHE, carry_out, pack_project, say
from .boot import Order
from .cache import cached, key_of, locked, pack
from .debian import Apt, host_mirror
from .errors import VmError, run
from .kernels import KERNELS, KernelFiles, fetch
from .project import build_wheel, install
from .roots import make_root

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = ("bpfcc-tools", "libbpf-tools", "bpftrace")
RESULT = "peers.json"


def main() -> int:
    """Return 0 when all was measured."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.vm.peers", description=__doc__
    )
    add = parser.add_argument
    add("--kernel", default="6.12", choices=[k.name for k in KERNELS])
    add("--rounds", type=int, default=3)
    add("--limit", type=int, default=3600, metavar="SECONDS")
    given = parser.parse_args()
    (kernel,) = (kernel for kernel in KERNELS if kernel.name == given.kernel)
    mirror = host_mirror()
    try:
        with locked(CACHE, alone=True):
            files = fetch(kernel, CACHE, mirror)
            root = pack_root(files, mirror)
            project = pack_project()
    except VmError as error:
        say(f"peers: {error}")
        return 1
    guest = f"bench.peers.guest --rounds {given.rounds} --output /vm/out/{RESULT}"
    script = f"cd /project\npython3 -m {guest}\n"
    order = Order(CACHE, files, root, project, script, cpus=2, limit_s=given.limit)
    outcome = carry_out(order)
    if outcome.exit_status or RESULT not in outcome.out:
        say(f"peers: {outcome.complaint or f'exit status {outcome.exit_status}'}")
        return 1
    (CACHE / RESULT).write_bytes(outcome.out[RESULT])
    say("\n" + "\n".join(report(json.loads(outcome.out[RESULT]))))
    return 0


def pack_root(kernel: KernelFiles, mirror: str) -> Path:
    """Return the archive of a root with the peers, the tool and kernel headers."""
    arch = kernel.kernel.arch
    say("peers: make the root file system")
    root = make_root(arch, CACHE, mirror, PACKAGES)
    wheel = build_wheel(CACHE)

    def make(folder: Path) -> None:
        install(root, arch, wheel)
        _add_headers(root.folder, kernel, mirror)
        pack(root.folder, folder / "root.cpio")

    key = f"{key_of(root.folder)} {key_of(wheel.parent)} {kernel.release}"
    return cached(CACHE / "archive-peers", key, make) / "root.cpio"


def _add_headers(root: Path, kernel: KernelFiles, mirror: str) -> None:
    """Unpack the kernel's headers, which bcc's tool compiles with."""
    suite, arch = kernel.kernel.suite, kernel.kernel.arch
    apt = Apt(CACHE / "apt" / kernel.kernel.name, mirror, suite, arch)
    headers = f"linux-headers-{kernel.release}"
    common = [n for n in apt.dependencies(headers) if n.startswith("linux-headers-")]
    room = root / "tmp/headers"
    room.mkdir(parents=True, exist_ok=True)
    for package in apt.download([headers, *common], room):
        run("dpkg-deb", "--extract", package, room, what=f"unpack {package.name}")
        package.unlink()
    for part in ("usr/src", "usr/lib/modules", "lib/modules"):
        if (room / part).is_dir():
            target = root / "usr" / part.removeprefix("usr/")
            shutil.copytree(room / part, target, symlinks=True, dirs_exist_ok=True)
    shutil.rmtree(room)


if __name__ == "__main__":
    sys.exit(main())
