"""Pythons missing on this machine: those of Debian's newest suite, in a root of it.

Needs mmdebstrap, which fetches from deb.debian.org.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from release.trial import run

if TYPE_CHECKING:
    from collections.abc import Iterable

SUITE = "sid"
HERE = Path(__file__).parent
INSIDE = "trial"  # the folder in the root with all that a trial needs

# An old mirror will do.
OPTIONS = (
    *("--variant=apt", "--format=directory"),
    '--aptopt=Acquire::Check-Valid-Until "false"',
)

# Other file systems are in the root for one command, in mounts of its own.
IN_ROOT = f"""\
root=$1
shift
for name in proc sys dev; do mount --rbind "/$name" "$root/$name"; done
exec chroot "$root" env -i --chdir=/{INSIDE} PATH=/usr/sbin:/usr/bin "$@"
"""


def make_root(versions: Iterable[str], wheel: Path, root: Path) -> None:
    """Make a root file system with these Pythons, and all that a trial needs.

    Raises TrialError.
    """
    packages = ["libbpf1", *(f"python{version}-venv" for version in versions)]
    included = [f"--include={package}" for package in packages]
    run("mmdebstrap", *OPTIONS, *included, SUITE, root)
    folder = root / INSIDE
    shutil.copytree(HERE, folder / "release")
    shutil.copy(wheel, folder)
    # Here, where pip is set up to reach its index.
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:")
    for version in versions:
        run(*pip, "--python-version", version, "--dest", folder, wheel)


def try_in(root: Path, version: str, wheel: Path) -> str:
    """Try the wheel in the root; return a line of what was seen. Raises TrialError."""
    python = f"python{version}"
    trial = (python, "-m", "release.trial", python, wheel.name, f"/{INSIDE}/{version}")
    offline = ("--no-index", "--find-links=.")
    command = ("unshare", "--mount", "sh", "-ec", IN_ROOT, "-", root)
    return run(*command, *trial, *offline).strip()
