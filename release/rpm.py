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
    with open(copy / MANUAL, "rb") as manual:
        packed = gzip.compress(manual.read(), mtime=0)
    (copy / MANUAL).unlink()
    (copy / f"{MANUAL}.gz").write_bytes(packed)
    for name, path in (
        ("LICENSE", "licenses/tcpconnect/LICENSE"),
        ("packaging/debian/copyright", "licenses/tcpconnect/copyright"),
        ("CHANGELOG.md", "doc/tcpconnect/CHANGELOG.md"),
    ):
        (copy / "usr/share" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source.TOP / name, copy / "usr/share" / path)
    tree.set_modes(copy)
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
