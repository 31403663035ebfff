"""The Debian package: debhelper's work on the tree, by packaging/debian."""

from __future__ import annotations

import os
import shutil
from email.utils import formatdate
from typing import TYPE_CHECKING

from release import source, tree
from release.trial import run

if TYPE_CHECKING:
    from pathlib import Path

CHANGELOG = """\
tcpconnect ({version}-1) unstable; urgency=medium

  * Version {version}; CHANGELOG.md has what changed.

 -- {maintainer}  {date}
"""


def build(files: Path, arch: str, version: str, room: Path) -> list[Path]:
    """Pack a tree that was laid out; return the packages. Raises TrialError."""
    work = room / "deb/tcpconnect"
    shutil.copytree(tree.PACKAGING / "debian", work / "debian")
    shutil.copytree(files, work / "tree/tcpconnect", symlinks=True)
    _debianize(work / "tree/tcpconnect", work / "debian")
    changelog = CHANGELOG.format(
        version=version,
        maintainer=source.maintainer(),
        date=formatdate(source.epoch(), localtime=False),
    )
    (work / "debian/changelog").write_text(changelog)
    shutil.copy(source.TOP / "CHANGELOG.md", work)
    tree.set_times(work)
    os.environ["SOURCE_DATE_EPOCH"] = str(source.epoch())
    run(
        *("env", "-C", work, "dpkg-buildpackage", "--build=binary"),
        *("--no-sign", f"--host-arch={arch}", "--no-check-builddeps"),
    )
    packages = sorted(work.parent.glob("*.deb"))
    # packaging/debian/*.lintian-overrides has the exceptions, and why.
    run("lintian", "--allow-root", "--fail-on=error,warning", *packages)
    return packages


def _debianize(root: Path, debian: Path) -> None:
    """Move what Debian has elsewhere, and what debhelper looks for to install it."""
    share = root / "usr/share"
    (share / "zsh/site-functions").rename(share / "zsh/vendor-completions")
    (root / tree.UNITS / tree.UNIT).rename(debian / f"tcpconnect.{tree.UNIT}")
    shutil.rmtree(root / "usr/lib/systemd")
