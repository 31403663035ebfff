"""Makes packages of the tool: python -m release.packages deb rpm."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from release import deb, rpm, source, tree
from release.trial import TrialError
from release.vendored import MACHINES, own_arch

MAKERS = {"deb": deb.build, "rpm": rpm.build}


def main(arguments: list[str] | None = None) -> int:
    """Make all that are asked for; return the exit code."""
    parser = argparse.ArgumentParser(prog="release.packages", description=__doc__)
    add = parser.add_argument
    add("kinds", nargs="+", choices=MAKERS)
    add("--arch", choices=MACHINES, help="this machine's, unless given")
    add("--out", type=Path, default=source.TOP / "dist", metavar="FOLDER")
    given = parser.parse_args(arguments)
    try:
        arch = given.arch or own_arch()
        for package in make(given.kinds, arch, given.out):
            print(package, flush=True)
    except TrialError as error:
        print(f"FAILED     {error}", file=sys.stderr)
        return 1
    return 0


def make(
    kinds: list[str], arch: str, out: Path, wheel: Path | None = None
) -> list[Path]:
    """Make packages of these kinds; return their paths. Raises TrialError.

    Without a wheel, it is built.
    """
    made: list[Path] = []
    version = source.version()
    with TemporaryDirectory(prefix="tcpconnect-packages-") as name:
        room = Path(name)
        packed = wheel or source.build_wheel(room)
        tree.lay_out(packed, arch, room / "tree", room)
        out.mkdir(parents=True, exist_ok=True)
        for kind in kinds:
            found = MAKERS[kind](room / "tree", arch, version, room)
            made += [Path(shutil.copy(package, out)) for package in found]
    return made


if __name__ == "__main__":
    sys.exit(main())
