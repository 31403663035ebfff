"""Makes the image, with buildah, in dist/: an archive of OCI, and what is in it."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

from image import packages
from image.contents import contents
from image.root import (
    PROJECT,
    build_wheel,
    compile_all,
    install,
    settle,
    size_of,
    try_out,
)
from share.readme import repository
from tcpconnect import __version__
from vmtest.errors import VmError, run

CACHE = PROJECT / ".cache/image"
MOST_BYTES = 120_000_000
LIST = "usr/share/doc/tcpconnect/image.spdx.json"
LABEL_OF_SOURCE = "org.opencontainers.image.source"
# Neither the kernel's overlayfs nor FUSE is asked for: it is one layer.
STORAGE = "--storage-driver=vfs"


def main(arguments: list[str] | None = None) -> int:
    """Make it; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m image", description=__doc__)
    parser.add_argument("--out", type=Path, default=PROJECT / "dist", metavar="FOLDER")
    options = parser.parse_args(arguments)
    if os.geteuid():
        print("image: root is needed, to run the image's Python", file=sys.stderr)
        return 1
    try:
        for line in _make(options.out):
            print(line)
    except VmError as error:
        print(f"image: {error}", file=sys.stderr)
        return 1
    return 0


def _make(out: Path) -> list[str]:
    """Make the image; return what is said of it. Raises VmError."""
    arch = run("dpkg", "--print-architecture", what="learn the architecture").strip()
    context = CACHE / "context"
    root = context / "root"
    shutil.rmtree(context, ignore_errors=True)
    root.mkdir(parents=True)
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct"))
    os.environ["SOURCE_DATE_EPOCH"] = str(epoch)
    wheel = build_wheel(CACHE / "wheel")
    packages.unpack(root, CACHE, arch)
    site = install(wheel, root, arch)
    compile_all(root)
    try_out(root, __version__)
    found = contents(root, site, packages.SUITE, __version__, epoch)
    (root / LIST).parent.mkdir(parents=True, exist_ok=True)
    (root / LIST).write_text(found)
    settle(root)
    size = size_of(root)
    if size > MOST_BYTES:
        raise VmError(f"the image has {size} bytes: more than {MOST_BYTES}")
    name = f"tcpconnect-{__version__}-{arch}"
    archive, listed = out / f"{name}.oci.tar", out / f"{name}.spdx.json"
    out.mkdir(exist_ok=True)
    listed.write_text(found)
    digest = _commit(context, archive, epoch)
    return [f"{archive}: {digest}", f"{listed}", f"{size / 1e6:.1f} MB of files"]


def _commit(context: Path, archive: Path, epoch: int) -> str:
    """Have buildah make the image of its context; return its digest."""
    storage = (
        "buildah",
        STORAGE,
        "--root",
        CACHE / "storage",
        "--runroot",
        CACHE / "run",
    )
    tag = f"localhost/tcpconnect:{__version__}"
    archive.unlink(missing_ok=True)
    run(
        *(*storage, "build", "--quiet", "--timestamp", epoch, "--identity-label=false"),
        *("--isolation", "chroot", "--format", "oci", "--no-cache", "--tag", tag),
        *("--build-arg", f"VERSION={__version__}"),
        *("--build-arg", f"REVISION={git('rev-parse', 'HEAD')}"),
        *("--build-arg", f"CREATED={_rfc3339(epoch)}"),
        *_label_of_source(),
        *("--file", PROJECT / "packaging/image/Containerfile", context),
        what="make the image",
    )
    layout, digest = CACHE / "layout", CACHE / "digest"
    shutil.rmtree(layout, ignore_errors=True)
    run(
        *(*storage, "push", "--quiet", "--digestfile", digest, tag),
        f"oci:{layout}:{tag}",
        what="write the image",
    )
    run(*storage, "rmi", "--all", "--force", what="remove buildah's copy")
    run(
        *("tar", "--create", "--file", archive, "--sort=name", f"--mtime=@{epoch}"),
        *("--owner=0", "--group=0", "--numeric-owner", "--mode=u=rwX,go=rX"),
        *("--format=ustar", "--directory", layout, "blobs", "index.json", "oci-layout"),
        what="pack the image",
    )
    return digest.read_text()


def _label_of_source() -> tuple[str, ...]:
    """Return the option for where the source is, if this is a clone of it."""
    address = repository()
    return ("--label", f"{LABEL_OF_SOURCE}={address}") if address else ()


def _rfc3339(epoch: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))


def git(*words: str) -> str:
    """Return what git says of the checkout, which may be another user's."""
    command = ("git", "-c", "safe.directory=*", *words)
    return run(*command, what="ask git about the project", cwd=PROJECT).strip()


if __name__ == "__main__":
    sys.exit(main())
