"""Builds the wheel as a release does, and tries it with every Python that is there.

Without versions, those of this machine are tried, and the others of the project's
classifiers named as not found. Versions that are asked for must be there.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from release.pythons import PROJECT, find, promised
from release.trial import TrialError, run, try_wheel


def main(arguments: list[str] | None = None) -> int:
    """Try all; return the exit code: 1 when a trial failed, or could not be made."""
    parser = argparse.ArgumentParser(prog="release", description=__doc__)
    parser.add_argument("versions", nargs="*", metavar="VERSION", help="such as 3.12")
    asked = parser.parse_args(arguments).versions
    found = {version: find(version) for version in asked or promised()}
    missing = [version for version, python in found.items() if not python]
    for version in missing:
        print(f"not found  python{version}", flush=True)
    if os.geteuid():
        print("FAILED     tracing needs root")
        return 1
    if (asked and missing) or len(missing) == len(found):
        print("FAILED     not every Python that is needed is on PATH or of pyenv")
        return 1
    failures = _try_all({v: python for v, python in found.items() if python})
    left = f", not tried: {', '.join(missing)}" if missing else ""
    print(f"{len(found) - len(missing) - failures} passed, {failures} failed{left}")
    return int(failures > 0)


def _try_all(pythons: dict[str, str]) -> int:
    """Try them in turn; return how many failed."""
    failures = 0
    with TemporaryDirectory(prefix="tcpconnect-release-") as name:
        folder = Path(name)
        # An sdist, and from that the wheel: what lacks in the sdist lacks here.
        run(sys.executable, "-m", "build", "--outdir", folder, PROJECT.parent)
        (wheel,) = folder.glob("*.whl")
        print(f"built      {wheel.name}", flush=True)
        for version, python in pythons.items():
            try:
                seen = try_wheel(python, wheel, folder / version)
                print(f"ok         {seen}", flush=True)
            except TrialError as error:
                failures += 1
                print(f"FAILED     python{version} ({python}): {error}", flush=True)
    return failures


if __name__ == "__main__":
    sys.exit(main())
