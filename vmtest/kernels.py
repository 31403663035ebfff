"""The kernels that the tests run on: Debian's for cloud machines, never installed."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .cache import cached, pack
from .debian import Apt
from .errors import VmError, run

if TYPE_CHECKING:
    from collections.abc import Iterator


class Kernel(NamedTuple):
    """What ``--kernel`` calls it, and the suite of Debian that has it."""

    name: str
    suite: str
    arch: str = "amd64"


KERNELS = (
    Kernel("5.10", "bullseye"),
    Kernel("6.1", "bookworm"),
    Kernel("6.12", "trixie"),
    Kernel("7.x", "trixie-backports"),
    Kernel("arm64-6.12", "trixie", "arm64"),
)

# What the tests need and Debian does not build in; loaded when it is asked for.
MODULES = (
    *("dummy", "nf_tables", "nft_chain_nat", "nft_nat", "nft_reject_ipv4"),
    *("nft_reject_ipv6", "overlay", "veth"),
)

# From 7.x on, the image and the modules are in packages of their own.
PARTS = re.compile(r"linux-(image|binary|modules)-[\d.]+.*-cloud-|linux-modules-cloud-")
IMAGES = ("boot/vmlinuz-*", "usr/lib/modules/*/vmlinuz")


class KernelFiles(NamedTuple):
    """A kernel that was fetched."""

    kernel: Kernel
    release: str
    image: Path
    modules: Path  # a cpio archive


def fetch(kernel: Kernel, cache: Path, mirror: str) -> KernelFiles:
    """Return a kernel's files, downloaded and unpacked when they are not there yet."""

    def make(folder: Path) -> None:
        apt = Apt(cache / "apt" / kernel.name, mirror, kernel.suite, kernel.arch)
        with tempfile.TemporaryDirectory(dir=cache) as room:
            _unpack(apt, kernel, Path(room))
            _keep(kernel, Path(room), folder)

    folder = cached(cache / "kernels" / kernel.name, " ".join(kernel + MODULES), make)
    release = (folder / "release").read_text()
    return KernelFiles(kernel, release, folder / "vmlinuz", folder / "modules.cpio")


def _unpack(apt: Apt, kernel: Kernel, room: Path) -> None:
    meta = f"linux-image-cloud-{kernel.arch}"
    packages = sorted(set(_parts(apt, meta)))
    if not packages:
        raise VmError(f"{meta} of {kernel.suite} depends on no kernel")
    for package in apt.download(packages, room):
        run("dpkg-deb", "--extract", package, room, what=f"unpack {package.name}")


def _parts(apt: Apt, package: str) -> Iterator[str]:
    for name in apt.dependencies(package):
        if PARTS.match(name):
            yield name
            yield from _parts(apt, name)


def _keep(kernel: Kernel, room: Path, folder: Path) -> None:
    """Put the image, the modules and their version into ``folder``."""
    _merge_lib(room)
    images = [path for pattern in IMAGES for path in room.glob(pattern)]
    trees = list(room.glob("usr/lib/modules/*/kernel"))
    if len(images) != 1 or len(trees) != 1:
        raise VmError(
            f"the packages of kernel {kernel.name} hold {len(images)} images and "
            f"{len(trees)} trees of modules: vmtest/kernels.py must be taught where"
        )
    shutil.copy(images[0], folder / "vmlinuz")
    release = trees[0].parent.name
    (folder / "release").write_text(release)
    with tempfile.TemporaryDirectory(dir=folder) as chosen:
        _choose_modules(room / "usr/lib/modules", Path(chosen), release)
        pack(Path(chosen), folder / "modules.cpio")


def _merge_lib(root: Path) -> None:
    """Make /lib a link to /usr/lib, as Debian has it today."""
    lib = root / "lib"
    if lib.exists():
        shutil.copytree(lib, root / "usr/lib", dirs_exist_ok=True)
        shutil.rmtree(lib)
    lib.symlink_to("usr/lib")


def _choose_modules(modules: Path, target: Path, release: str) -> None:
    """Copy MODULES and what they depend on, with an index for modprobe(8)."""
    base = modules.parents[2]
    run("depmod", "-b", base, release, what=f"index the modules of {release}")
    source, copy = modules / release, target / "usr/lib/modules" / release
    for name in needed((source / "modules.dep").read_text(), MODULES):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / name, copy / name)
    # What is built in; 7.x has no such lists in its packages.
    for index in source.glob("modules.builtin*"):
        shutil.copy(index, copy / index.name)
    _merge_lib(target)
    run("depmod", "-b", target, release, what=f"index the modules of {release}")
    (target / "lib").unlink()


def needed(index: str, names: tuple[str, ...]) -> Iterator[str]:
    """Yield the files of modules and of all that they need, from modules.dep."""
    for line in index.splitlines():
        file, _, needs = line.partition(":")
        if Path(file).name.split(".")[0] in names:
            yield file
            yield from needs.split()
