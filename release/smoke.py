"""The packages made, and installed, used and removed, each in a copy.

A copy is an overlay over this machine's root file system, and gone afterwards.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from release.packages import MAKERS, make
from release.source import version
from release.tree import LIBRARY
from release.trial import TrialError, run, trace
from release.vendored import own_arch

INSIDE = "package-trial"  # the folder of the copy that has release/ and the package
TOOL = Path("/usr/bin/tcpconnect")
FOLDER = Path("/var/lib/tcpconnect")
INSTALL = {
    ".deb": ("dpkg", "--install"),
    # Debian's rpm knows nothing of what dpkg has installed, such as Python.
    ".rpm": ("rpm", "--upgrade", "--nodeps"),
}
# Of these two only a purge takes the history.
REMOVE = {".deb": ("dpkg", "--purge"), ".rpm": ("rpm", "--erase")}
# As the command finds them.
EXTRAS = f"""\
import sys
sys.path.insert(0, "/{LIBRARY}")
import backports.zstd, jinja2, prometheus_client, textual.app, textual.widgets
"""

# A tmpfs has the changes: the file system of a container, an overlay itself, can't. Two
# overlays on each other are the most that Linux mounts.
IN_COPY = f"""\
room=$1 root=$1/root
mount -t tmpfs tmpfs "$room"
mkdir "$room/changes" "$room/work" "$root"
options=lowerdir=/,upperdir=$room/changes,workdir=$room/work
mount -t overlay -o "$options" overlay "$root" || {{
    echo "can't mount an overlay over /: try it outside of a container" >&2
    exit 1
}}
mkdir "$root/{INSIDE}"
cp -r "$2" "$3" "$root/{INSIDE}"
for name in proc sys dev; do mount --rbind "/$name" "$root/$name"; done
exec chroot "$root" env -i --chdir=/{INSIDE} PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    python3 -m release.smoke "${{3##*/}}" "$4"
"""


def main() -> int:
    """Print what was seen; return the exit code."""
    try:
        if sys.argv[1:]:
            print(try_package(*sys.argv[1:]))
        else:
            make_and_try()
    except TrialError as error:
        print(f"FAILED     {error}")
        return 1
    return 0


def make_and_try() -> None:
    """Make the packages, and try them. Raises TrialError."""
    with TemporaryDirectory(prefix="tcpconnect-smoke-") as name:
        folder = Path(name)
        for package in make(list(MAKERS), own_arch(), folder):
            said = try_in_copy(package, folder / f"copy{package.suffix}")
            print(f"ok         {said}", flush=True)


def try_in_copy(package: Path, folder: Path) -> str:
    """Try a package in a copy, which is in ``folder``; return what was seen."""
    folder.mkdir()
    command = ("unshare", "--mount", "sh", "-ec", IN_COPY, "-", folder)
    return run(*command, Path(__file__).parent, package, version()).strip()


def try_package(package: str, promised: str) -> str:
    """Install, use and remove it, in the copy; return a line of what was seen."""
    kind = Path(package).suffix
    before = named_after_it()
    run(*INSTALL[kind], package)
    said = run(TOOL, "--version").strip()
    if said != f"tcpconnect {promised}":
        raise TrialError(f"{package} is {said}")
    run(TOOL, "--check")
    traced = trace(TOOL)
    run("/usr/bin/python3", "-I", "-c", EXTRAS)
    remove(kind)
    if left := sorted(named_after_it() - before):
        raise TrialError(f"{package}: left {left[0]}")
    return f"{kind}: {said}, installed, traced {traced}, and removed"


def remove(kind: str) -> None:
    """Remove it where the history has a file system of its own."""
    shutil.rmtree(FOLDER, ignore_errors=True)  # that of the machine, in the copy
    FOLDER.mkdir()
    run("mount", "-t", "tmpfs", "tmpfs", FOLDER)
    history = FOLDER / "history.db"
    history.touch()
    run(*REMOVE[kind], "tcpconnect")
    if history.exists() is (kind == ".deb"):
        raise TrialError(f"{' '.join(REMOVE[kind])} did not do right with {history}")
    run("umount", FOLDER)
    FOLDER.rmdir()


def named_after_it() -> set[str]:
    """Return the files of its name: a machine may have others than the package's."""
    places = ("/etc", "/usr", "/var/lib")
    return {*run("find", *places, "-name", "*tcpconnect*").splitlines()}


if __name__ == "__main__":
    sys.exit(main())
