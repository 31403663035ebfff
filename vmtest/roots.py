"""Root file systems: Debian, as small as the tests allow."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, NamedTuple

from .cache import TOP, cached
from .debian import KEYRING, network_settings
from .errors import run

if TYPE_CHECKING:
    from pathlib import Path

SUITE = "trixie"
SYSTEM_PACKAGES = TOP / "scripts/system-packages"

# What a host has, and /init calls; scripts/system-packages knows what the tests call.
PACKAGES = ("python3", "kmod", "mount")
NOT_NEEDED = ("python3-venv",)  # the tool comes installed

UNWANTED = ("doc", "info", "lintian", "locale", "man")
FILES = {
    "etc/hostname": "vm\n",
    "etc/hosts": "127.0.0.1 localhost vm\n::1 localhost\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "etc/resolv.conf": "",
}

# Packages for another machine are only unpacked. So that dpkg can install more there,
# it is told that they are installed.
LISTED = """\
for package in "$1"/var/cache/apt/archives/*.deb; do
	dpkg-deb --field "$package"
	printf 'Status: install ok installed\\n\\n'
done >"$1/var/lib/dpkg/status"
"""


class Root(NamedTuple):
    """A root file system that was made."""

    folder: Path
    python: str  # the version of its Python, such as "3.13"
    native: bool  # its programs run on this host


def make_root(arch: str, cache: Path, mirror: str, more: tuple[str, ...] = ()) -> Root:
    """Return the root for an architecture, made when it is not there yet.

    One with ``more`` packages is a root of its own.
    """
    here = run("dpkg", "--print-architecture", what="learn the architecture").strip()
    native = arch == here
    packages = (*wanted_packages(), *more)

    def make(folder: Path) -> None:
        if native:
            _bootstrap("essential", arch, packages, folder, mirror)
        else:
            included = ("?essential", *packages)
            options = (f"--extract-hook={LISTED}",)
            _bootstrap("extract", arch, included, folder, mirror, options)
            _configure(folder)
        for name, text in FILES.items():
            (folder / name).unlink(missing_ok=True)
            (folder / name).write_text(text)

    key = " ".join((SUITE, arch, *packages, *(() if native else (LISTED,))))
    name = "-".join(("root", arch, *more))
    folder = cached(cache / name, key, make)
    (library,) = (folder / "usr/lib").glob("python3.*")
    return Root(folder, library.name.removeprefix("python"), native)


def wanted_packages() -> tuple[str, ...]:
    """Return the names of the packages that the tests call."""
    listed = run(SYSTEM_PACKAGES, "test", "list", what="list what the tests need")
    return (*PACKAGES, *(name for name in listed.split() if name not in NOT_NEEDED))


def _bootstrap(
    variant: str,
    arch: str,
    packages: tuple[str, ...],
    folder: Path,
    mirror: str,
    more: tuple[str, ...] = (),
) -> None:
    options = [*more, *(f"--dpkgopt=path-exclude=/usr/share/{n}/*" for n in UNWANTED)]
    settings = (*network_settings().splitlines(), 'Acquire::Check-Valid-Until "false";')
    options += [f"--aptopt={line}" for line in settings]
    run(
        *("mmdebstrap", f"--variant={variant}", f"--architectures={arch}"),
        *(f"--include={package}" for package in packages),
        *("--format=directory", *options),
        *(SUITE, folder, f"deb [signed-by={KEYRING}] {mirror} {SUITE} main"),
        what=f"make a root file system for {arch}",
    )


def _configure(folder: Path) -> None:
    """Do by hand what the packages' own scripts can't: they are for another machine."""
    masters = folder / "usr/share/base-passwd"
    for name in ("passwd", "group"):
        shutil.copy(masters / f"{name}.master", folder / "etc" / name)
    (folder / "etc/machine-id").touch()  # or systemd would ask for the first settings
