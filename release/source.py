"""What a package is made of: the wheel, its version, and the time of its commit."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from release.trial import TrialError, run

TOP = Path(__file__).parents[1]
VERSION = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)
CONTROL = TOP / "packaging/debian/control"
INIT = "src/tcpconnect/__init__.py"


def version() -> str:
    """Return the version of the source tree."""
    found = VERSION.search((TOP / INIT).read_text(encoding="utf-8"))
    if not found:
        raise TrialError(f"{INIT} has no version")
    return found[1]


def maintainer() -> str:
    """Return the maintainer of packages: a name, and an address."""
    found = re.search(r"^Maintainer: (.+)$", CONTROL.read_text(), re.MULTILINE)
    if not found:
        raise TrialError(f"{CONTROL} names no maintainer")
    return found[1]


def epoch() -> int:
    """Return the time that all files of a package get, so that it can be made again.

    It is the time of the commit, or SOURCE_DATE_EPOCH, without which there has to be
    one. Raises TrialError.
    """
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        if not given.isdecimal():
            raise TrialError(f"SOURCE_DATE_EPOCH: expected seconds, got '{given}'")
        return int(given)
    # The checkout may be another user's.
    git = ("git", "-C", TOP, "-c", "safe.directory=*")
    return int(run(*git, "log", "-1", "--format=%ct"))


def build_wheel(folder: Path) -> Path:
    """Build an sdist and from that the wheel, into a folder; return the wheel's path.

    So the BPF objects are compiled anew: those of the checkout may be older than its
    compiler. Raises TrialError.
    """
    os.environ["SOURCE_DATE_EPOCH"] = str(epoch())
    run(sys.executable, "-m", "build", "--outdir", folder, TOP)
    (wheel,) = folder.glob("*.whl")
    return wheel
