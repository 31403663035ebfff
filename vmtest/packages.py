"""Boots a machine with systemd, and installs, upgrades and removes packages in it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from release import packages, previous
from release.trial import TrialError

from .__main__ import say
from .errors import VmError
from .suites import Suite, run_suite

if TYPE_CHECKING:
    from pathlib import Path


def gather(arch: str, folder: Path) -> None:
    """Make both packages: of the last version, which users have, and of this one."""
    kinds = list(packages.MAKERS)
    try:
        commit = previous.commit()
        say(f"packages: make those of {commit}")
        previous.make(kinds, arch, commit, folder / "old")
        say("packages: make those of this source")
        packages.make(kinds, arch, folder / "new")
    except TrialError as error:
        raise VmError(str(error)) from error


SUITE = Suite(
    name="packages",
    tests="tests/packages",
    packages=("systemd", "dbus", "passwd", "procps", "rpm"),
    gather=gather,
)

if __name__ == "__main__":
    sys.exit(run_suite(SUITE, __doc__))
