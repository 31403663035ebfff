"""Packages of the version before this one, made by the source that it had."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from release import source
from release.trial import run

if TYPE_CHECKING:
    from collections.abc import Iterable

GIT = ("git", "-C", source.TOP, "-c", "safe.directory=*")

# 0.1.0 has no tag: it is what checkouts called themselves. This is the last commit that
# did, and one that makes packages.
LAST_OF_0_1_0 = "fc07dd1139aed71af96e5391b663ae781538045e"


def commit() -> str:
    """Return the newest tag before this version. Raises TrialError."""
    tags = run(
        *GIT, "tag", "--merged", "HEAD", "--sort=-version:refname", "--list", "v*"
    )
    others = [tag for tag in tags.split() if tag != f"v{source.version()}"]
    return others[0] if others else LAST_OF_0_1_0


def make(kinds: Iterable[str], arch: str, commit: str, out: Path) -> None:
    """Have the source of a commit make its packages. Raises TrialError."""
    moment = run(*GIT, "log", "-1", "--format=%ct", commit).strip()
    with TemporaryDirectory(prefix="tcpconnect-previous-") as name:
        archive, tree = Path(name, "source.tar"), Path(name, "source")
        tree.mkdir()
        run(*GIT, "archive", f"--output={archive}", commit)
        run("tar", "-xf", archive, "-C", tree)
        run(
            *("env", "-C", tree, f"SOURCE_DATE_EPOCH={moment}"),
            *(sys.executable, "-m", "release.packages", *kinds),
            *(f"--arch={arch}", f"--out={out.resolve()}"),
        )
