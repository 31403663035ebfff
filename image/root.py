"""The root file system of the image: Debian's packages, the wheel, and its extras."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path
from tempfile import NamedTemporaryFile

from vmtest.errors import VmError, run

PROJECT = Path(__file__).parents[1]
CONSTRAINTS = PROJECT / "packaging/image/constraints.txt"
SITE = "usr/lib/python3/dist-packages"
SCRIPT = "usr/bin/tcpconnect"
INTERPRETER = b"#!/usr/bin/python3\n"
# Of Debian's architectures: as wheels are named. Debian's C library is newer.
PLATFORMS = {
    arch: [f"manylinux2014_{name}", f"manylinux_2_17_{name}", f"manylinux_2_28_{name}"]
    for arch, name in {"amd64": "x86_64", "arm64": "aarch64"}.items()
}
LATE = """\
import ctypes
import backports.zstd, jinja2, prometheus_client, psycopg, sqlite3, ssl, textual.widgets
ctypes.CDLL("libbpf.so.1")
"""
# Of pip's, what has a path of this machine.
LOCAL = ("*.dist-info/direct_url.json", "*.dist-info/REQUESTED")


def build_wheel(folder: Path) -> Path:
    """Build the project's wheel. Raises VmError."""
    shutil.rmtree(folder, ignore_errors=True)
    build = (sys.executable, "-m", "build", "--wheel", "--outdir", folder, PROJECT)
    run(*build, what="build the wheel")
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, root: Path, arch: str) -> Path:
    """Install the wheel with all extras; return where Python finds it. Raises VmError.

    pip of this machine does that: there is none in the image.
    """
    if arch not in PLATFORMS:
        raise VmError(f"no image for {arch}: only for {' and '.join(PLATFORMS)}")
    (library,) = (root / "usr/lib").glob("python3.*")
    site = root / SITE
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    with NamedTemporaryFile("w", suffix=".txt") as ours:
        ours.write(f"tcpconnect[all] @ {wheel.as_uri()} --hash=sha256:{digest}\n")
        ours.flush()
        run(
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-compile"),
            *("--disable-pip-version-check", "--only-binary=:all:", "--target", site),
            *("--python-version", library.name.removeprefix("python")),
            *(f"--platform={name}" for name in PLATFORMS[arch]),
            *("--require-hashes", "--requirement", CONSTRAINTS),
            *("--requirement", ours.name),
            what="install the wheel into the image",
        )
    script = (site / "bin/tcpconnect").read_bytes()
    (root / SCRIPT).write_bytes(INTERPRETER + script.partition(b"\n")[2])
    (root / SCRIPT).chmod(0o755)
    for name in ("bin", "share"):
        shutil.rmtree(site / name)
    forget_machine(site)
    return site


def forget_machine(site: Path) -> None:
    """Remove what names this machine's paths, and the lines that lists have of it."""
    for pattern in LOCAL:
        for path in site.glob(pattern):
            path.unlink()
            record = path.with_name("RECORD")
            name = f"{path.parent.name}/{path.name},"
            lines = record.read_text().splitlines(keepends=True)
            record.write_text("".join(x for x in lines if not x.startswith(name)))


def compile_all(root: Path) -> None:
    """Compile Python's modules, by the image's own Python. Raises VmError.

    Nothing can write bytecode there later, and without it a start takes three times
    the CPU. Hashes in place of times, which would differ.
    """
    (library,) = (root / "usr/lib").glob("python3.*")
    run(
        *("chroot", root, "/usr/bin/python3", "-B", "-m", "compileall", "-q", "-f"),
        *("--invalidation-mode", "unchecked-hash"),
        *(f"/usr/lib/{library.name}", f"/{SITE}"),
        what="compile Python's modules",
        env={"PYTHONHASHSEED": "0"},
    )


def try_out(root: Path, version: str) -> None:
    """Start the tool in the root, and load what it loads late. Raises VmError.

    What was left out of Debian's packages, and was needed, is missed here.
    """
    no_bytecode = {"PYTHONDONTWRITEBYTECODE": "1"}
    version_of = ("chroot", root, f"/{SCRIPT}", "--version")
    said = run(*version_of, what="start the image's tool", env=no_bytecode)
    if said != f"tcpconnect {version}\n":
        raise VmError(f"the image's tool is {said.strip()}, not {version}")
    python = ("chroot", root, "/usr/bin/python3", "-B", "-c", LATE)
    run(*python, what="load what the image's tool needs")


def settle(root: Path) -> None:
    """Give all files modes that do not depend on who makes the image."""
    for parent, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = os.path.join(parent, name)
            if os.path.islink(path):
                continue
            executable = os.path.isdir(path) or os.stat(path).st_mode & 0o100
            os.chmod(path, 0o755 if executable else 0o644)
    (root / "tmp").chmod(0o1777)
    (root / "root").chmod(0o700)


def size_of(root: Path) -> int:
    """Return how many bytes are in the files of a root."""
    return sum(
        os.lstat(os.path.join(parent, name)).st_size
        for parent, _, files in os.walk(root)
        for name in files
    )
