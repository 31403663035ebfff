"""The RPM: rpmbuild's work on the tree, by packaging/tcpconnect.spec."""

from __future__ import annotations

import gzip
import os
import shutil
import time
from typing import TYPE_CHECKING

from release import source, tree
from release.trial import run
from release.vendored import MACHINES

if TYPE_CHECKING:
    from pathlib import Path

SPEC = tree.PACKAGING / "tcpconnect.spec"
MANUAL = "usr/share/man/man8/tcpconnect.8"
# Texts that have to come along are there, where "rpm --excludedocs" installs them, too.
LICENSES = "usr/share/licenses/tcpconnect"
# What else rpmbuild would write into it: the machine and the time.
MACROS = {
    "_buildhost": "reproducible",
    "use_source_date_epoch_as_buildtime": "1",
    "clamp_mtime_to_source_date_epoch": "1",
    "_binary_payload": "w6.xzdio",
    "_build_id_links": "none",
}


def build(files: Path, arch: str, version: str, room: Path) -> list[Path]:
    """Pack a tree that was laid out; return the packages. Raises TrialError."""
    work, copy = room / "rpm", room / "rpm/tree"
    shutil.copytree(files, copy)
    arrange(copy)
    # RPM has - between version and release only.
    macros = {
        **MACROS,
        "tool_version": version.replace("-", "~"),
        "tree": copy,
        "maintainer": source.maintainer(),
        "date": time.strftime("%a %b %d %Y", time.gmtime(source.epoch())),
        "_topdir": work / "top",
    }
    defined = [f"--define={name} {value}" for name, value in macros.items()]
    os.environ["SOURCE_DATE_EPOCH"] = str(source.epoch())
    target = f"--target={MACHINES[arch]}-linux"
    run("rpmbuild", "-bb", "--quiet", target, *defined, SPEC)
    packages = sorted(work.glob("top/RPMS/*/*.rpm"))
    # It has the exceptions, and why.
    run("rpmlint", "--strict", f"--config={tree.PACKAGING}/rpmlint.toml", *packages)
    return packages


def arrange(root: Path) -> None:
    """Put into its place what RPMs have elsewhere, or compressed."""
    manual = root / MANUAL
    packed = gzip.compress(manual.read_bytes(), mtime=0)
    (root / f"{MANUAL}.gz").write_bytes(packed)
    manual.unlink()
    licenses = root / LICENSES
    licenses.mkdir(parents=True)
    others = (root / tree.LICENSES).rename(licenses / "third-party.txt")
    copyrights = (tree.PACKAGING / "debian/copyright").read_text()
    said = copyrights.replace(f"/{tree.LICENSES}.gz", f"/{others.relative_to(root)}")
    (licenses / "copyright").write_text(said)
    shutil.copyfile(source.TOP / "LICENSE", licenses / "LICENSE")
    shutil.copy(source.TOP / "CHANGELOG.md", root / "usr/share/doc/tcpconnect")
    tree.set_modes(root)
