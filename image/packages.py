"""What of Debian is in the image: packages unpacked, and a database of them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from vmtest.debian import Apt, host_mirror, security_mirror
from vmtest.errors import run

if TYPE_CHECKING:
    from pathlib import Path

SUITE = "trixie"
WANTED = (
    *("base-files", "ca-certificates", "libbpf1", "libpython3-stdlib", "netbase"),
    *("python3-minimal", "tzdata"),
)
# Needed to install packages, or by programs that the image does not have.
NOT_NEEDED = {
    *("debconf", "dpkg", "libacl1", "libdb5.3t64", "libmd0"),
    *("libpcre2-8-0", "libselinux1", "mawk", "media-types", "openssl"),
    *("openssl-provider-legacy", "readline-common", "tar"),
}
STATUS = "var/lib/dpkg/status.d"  # where scanners look in images without dpkg

# Files of packages that nothing in the image reads. Copyrights stay, and the licenses
# that they name: they must.
UNREAD = (
    *("etc/cron*", "etc/default", "etc/dpkg", "etc/profile.d", "etc/skel"),
    *("etc/update-motd.d", "usr/bin/*", "usr/sbin/*", "usr/share/base-files"),
    *("usr/share/bug", "usr/share/doc-base", "usr/share/lintian", "usr/share/locale"),
    *("usr/share/man", "usr/share/menu", "usr/share/python3", "usr/share/info"),
    *("usr/share/applications", "usr/share/binfmts", "usr/share/pixmaps"),
    *("usr/share/doc/*/[!c]*", "usr/share/doc/*/changelog*"),
    *("usr/lib/python3*/ensurepip", "usr/lib/python3*/pydoc_data"),
    *("usr/lib/python3*/test", "usr/lib/*-linux-gnu/gconv"),
)
PROGRAMS = "usr/bin/python3*"
CERTIFICATES = "usr/share/ca-certificates/mozilla/*.crt"

USERS = "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:::/sbin/nologin\n"
FILES = {
    "etc/passwd": USERS,
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
MERGED = ("bin", "lib", "lib64", "sbin")
EMPTY = ("proc", "sys", "dev", "run", "tmp", "root", "var/lib/tcpconnect")


def unpack(root: Path, cache: Path, arch: str) -> None:
    """Put Debian's packages into an empty root. Raises VmError."""
    (cache / "apt").mkdir(parents=True, exist_ok=True)
    shutil.rmtree(cache / "debs", ignore_errors=True)
    (cache / "debs").mkdir()
    apt = Apt(cache / "apt", host_mirror(), SUITE, arch, security_mirror())
    names = [name for name in apt.closure(*WANTED) if name not in NOT_NEEDED]
    for name in MERGED:
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    (root / STATUS).mkdir(parents=True)
    for package in apt.download(names, cache / "debs"):
        run("dpkg-deb", "--extract", package, root, what=f"unpack {package.name}")
        _note(package, root)
    _configure(root)
    _remove_unread(root)


def _note(package: Path, root: Path) -> None:
    """Write what dpkg would write into its database."""
    what = f"read {package.name}"
    fields = run("dpkg-deb", "--field", package, what=what)
    name = run("dpkg-deb", "--field", package, "Package", what=what).strip()
    (root / STATUS / name).write_text(f"{fields}Status: install ok unpacked\n")
    sums = run("dpkg-deb", "--info", package, "md5sums", what=what)
    (root / STATUS / f"{name}.md5sums").write_text(sums)


def _configure(root: Path) -> None:
    """Do by hand what the packages' scripts do, for which the image has no shell."""
    for name, text in FILES.items():
        (root / name).write_text(text)
    for name in EMPTY:
        (root / name).mkdir(parents=True, exist_ok=True)
    certificates = sorted(root.glob(CERTIFICATES))
    together = root / "etc/ssl/certs/ca-certificates.crt"
    together.parent.mkdir(parents=True, exist_ok=True)
    together.write_text("".join(each.read_text() for each in certificates))


def _remove_unread(root: Path) -> None:
    programs = set(root.glob(PROGRAMS))
    for pattern in UNREAD:
        for path in sorted(set(root.glob(pattern)) - programs):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)  # by another name
