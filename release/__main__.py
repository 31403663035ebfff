"""Builds the wheel as a release does, and tries it with every Python that is there.

Without versions, those of this machine are tried, and the others of the project's
classifiers named as not found. Versions that are asked for must be there. With --debian
those missing on this machine are tried in a root file system of Debian's newest suite.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from release.debian import SUITE, make_root, try_in
from release.pythons import PROJECT, find, promised
from release.trial import TrialError, run, try_wheel

if TYPE_CHECKING:
    from collections.abc import Callable


def main(arguments: list[str] | None = None) -> int:
    """Try all; return the exit code: 1 when a trial failed, or could not be made."""
    parser = argparse.ArgumentParser(prog="release", description=__doc__)
    parser.add_argument("versions", nargs="*", metavar="VERSION", help="such as 3.12")
    parser.add_argument("--debian", action="store_true", help="those missing, too")
    options = parser.parse_args(arguments)
    asked = options.versions
    found = {version: find(version) for version in asked or promised()}
    here = {version: python for version, python in found.items() if python}
    lacking = [version for version in found if version not in here]
    fetched, missing = (lacking, []) if options.debian else ([], lacking)
    for version in missing:
        print(f"not found  python{version}", flush=True)
    if os.geteuid():
        print("FAILED     tracing needs root")
        return 1
    if (asked and missing) or len(missing) == len(found):
        print("FAILED     not every Python is on PATH or of pyenv; try --debian")
        return 1
    try:
        failures = _try_all(here, fetched)
    except TrialError as error:
        print(f"FAILED     {error}")
        return 1
    left = f", not tried: {', '.join(missing)}" if missing else ""
    print(f"{len(found) - len(missing) - failures} passed, {failures} failed{left}")
    return int(failures > 0)


def _try_all(here: dict[str, str], fetched: list[str]) -> int:
    """Try them in turn; return how many failed."""
    failures = 0
    with TemporaryDirectory(prefix="tcpconnect-release-") as name:
        folder = Path(name)
        # An sdist, and from that the wheel: it must have all that the sdist needs.
        run(sys.executable, "-m", "build", "--outdir", folder, PROJECT.parent)
        (wheel,) = folder.glob("*.whl")
        print(f"built      {wheel.name}", flush=True)
        for version, python in here.items():
            whose = f"python{version} ({python})"
            failures += _failed(whose, try_wheel, python, wheel, folder / version)
        if fetched:
            root = folder / "root"
            make_root(fetched, wheel, root)
            for version in fetched:
                whose = f"python{version} (of {SUITE})"
                failures += _failed(whose, try_in, root, version, wheel)
    return failures


def _failed(whose: str, trial: Callable[..., str], *arguments: object) -> bool:
    """Print what was seen in a trial; return whether it failed."""
    try:
        print(f"ok         {trial(*arguments)}", flush=True)
    except TrialError as error:
        print(f"FAILED     {whose}: {error}", flush=True)
        return True
    return False


if __name__ == "__main__":
    sys.exit(main())
