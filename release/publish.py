"""Makes all that a release consists of, twice, and checks it: dist/VERSION/.

What is not the same when it is made again, or does not work, is no release.
"""

from __future__ import annotations

import argparse
import filecmp
import hashlib
import re
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from release import smoke, source
from release.packages import MAKERS, make
from release.trial import TrialError, run, try_wheel
from release.vendored import MACHINES, own_arch

SUMS = "SHA256SUMS"
CHANGELOG = source.TOP / "CHANGELOG.md"


def main(arguments: list[str] | None = None) -> int:
    """Make and check all; return the exit code."""
    parser = argparse.ArgumentParser(prog="release.publish", description=__doc__)
    parser.add_argument(
        "--rehearse", action="store_true", help="from a source that is not ready, too"
    )
    options = parser.parse_args(arguments)
    version = source.version()
    target = source.TOP / "dist" / version
    try:
        if not options.rehearse:
            check_ready(version)
        with TemporaryDirectory(prefix="tcpconnect-release-") as name:
            publish(Path(name), target)
    except TrialError as error:
        print(f"FAILED     {error}", file=sys.stderr)
        return 1
    print(f"all is in {target}", flush=True)
    if not options.rehearse:
        print(f"to publish it: git tag --sign v{version}", flush=True)
    return 0


def check_ready(version: str) -> None:
    """Raise TrialError unless all is committed, and the version new and explained."""
    git = ("git", "-C", source.TOP, "-c", "safe.directory=*")
    if changed := run(*git, "status", "--porcelain").splitlines():
        raise TrialError(f"commit or remove {changed[0][3:]}, or use --rehearse")
    text = CHANGELOG.read_text(encoding="utf-8")
    if not re.search(rf"^## \[{re.escape(version)}\]", text, re.MULTILINE):
        raise TrialError(f"CHANGELOG.md has no section [{version}]; use --rehearse")
    if re.search(r"^## \[Unreleased\]\s+(?!## )\S", text, re.MULTILINE):
        raise TrialError(
            f"CHANGELOG.md: move what is under [Unreleased] to [{version}], "
            "or use --rehearse"
        )
    tag = f"v{version}"
    here = run(*git, "tag", "--points-at", "HEAD").split()
    if tag not in here and run(*git, "tag", "--list", tag):
        raise TrialError(f"{tag} is another commit; change {source.INIT}")


def publish(room: Path, target: Path) -> None:
    """Make all twice, compare, try it, and put it into ``target``."""
    once, again = room / "once", room / "again"
    made = _make_all(once)
    for path, other in zip(made, _make_all(again), strict=True):
        check_same(path, other)
    (wheel,) = once.glob("*.whl")
    print(f"ok         {try_wheel(sys.executable, wheel, room / 'venv')}", flush=True)
    arch = own_arch()
    for name in (f"*_{arch}.deb", f"*.{MACHINES[arch]}.rpm"):
        (package,) = once.glob(name)
        said = smoke.try_in_copy(package, room / f"copy{package.suffix}")
        print(f"ok         {said}", flush=True)
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(once, target)
    (target / SUMS).write_text(sums(target))


def check_same(package: Path, other: Path) -> None:
    """Compare a package with the same made again. Raises TrialError."""
    if not filecmp.cmp(package, other, shallow=False):
        raise TrialError(f"{package.name} is not the same when made again")
    print(f"ok         {package.name}, the same when made again", flush=True)


def _make_all(folder: Path) -> list[Path]:
    """Make wheel, sdist, packages and image; return their paths."""
    wheel = source.build_wheel(folder)
    for arch in MACHINES:
        make(list(MAKERS), arch, folder, wheel)
    run(sys.executable, "-m", "image", "--out", folder)
    return sorted(folder.iterdir())


def sums(folder: Path) -> str:
    """Return what sha256sum(1) --check reads, of all files of a folder."""
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(folder.iterdir())
        if path.name != SUMS
    )


if __name__ == "__main__":
    sys.exit(main())
