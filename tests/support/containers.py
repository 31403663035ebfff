"""Programs with C libraries of their own, and containers to run them in."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.system import sh

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from typing_extensions import Self

SOURCE = Path(__file__).with_name("looker.c")
MODULE_SOURCE = Path(__file__).with_name("nss_nested.c")
COMPILERS = {
    "glibc": ["gcc"],
    "musl": ["musl-gcc"],
    "static": ["musl-gcc", "-static"],
}


def build(folder: Path, kind: str) -> Path:
    """Compile looker.c; return the program."""
    program = folder / f"looker-{kind}"
    subprocess.run([*COMPILERS[kind], "-o", program, SOURCE], check=True)
    return program


def add_module(root: Path) -> None:
    """Add an NSS module to an image with glibc, which is asked after the hosts file."""
    (libc,) = root.rglob("libc.so.6")
    module = libc.with_name("libnss_nested.so.2")
    command = ["gcc", "-shared", "-fPIC", "-o", str(module), str(MODULE_SOURCE)]
    subprocess.run(command, check=True)
    (root / "etc/nsswitch.conf").write_text("hosts: files nested\n")


def libraries(program: Path, kind: str) -> list[str]:
    """Return the paths of what a program loads: its C library and the loader."""
    if kind == "musl":
        return [f"/lib/ld-musl-{os.uname().machine}.so.1"]
    command = ["ldd", str(program)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [word for word in told.split() if word.startswith("/")]


def make_image(root: Path, kind: str, hosts: str = "") -> Path:
    """Make a directory that a looker can have as its root; return it."""
    program = build(root.parent, kind)
    for path in libraries(program, kind):
        copy = root / path.lstrip("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(path), copy)
    etc = root / "etc"
    etc.mkdir()
    (etc / "hosts").write_text(hosts)
    (etc / "nsswitch.conf").write_text("hosts: files\n")
    shutil.copy(program, root / "looker")
    return root


def move_library(root: Path) -> list[str]:
    """Move the C library of an image to an unusual place; return what loads it there.

    The words name paths in the image. It has glibc.
    """
    place = root / "opt/some where"
    place.mkdir(parents=True)
    for pattern in ("libc.so.6", "ld-linux*.so.*"):
        (path,) = root.rglob(pattern)
        path.rename(place / path.name)
    (loader,) = place.glob("ld-linux*")
    paths = [f"/{path.relative_to(root)}" for path in (loader, place)]
    return [paths[0], "--library-path", paths[1]]


@contextmanager
def overlay(folder: Path, image: Path) -> Iterator[Path]:
    """Mount a container's own view of an image; yields its root."""
    layers = {name: folder / name for name in ("upper", "work", "root")}
    for layer in layers.values():
        layer.mkdir(parents=True)
    options = f"lowerdir={image},upperdir={layers['upper']},workdir={layers['work']}"
    sh(f"mount -t overlay overlay -o {options} {layers['root']}")
    try:
        yield layers["root"]
    finally:
        sh(f"umount --lazy {layers['root']}")


class Looker:
    """A looker running, ready when the constructor returns.

    With ``root`` it runs in a mount namespace of its own, in that directory; with
    ``loader`` that is the command that loads it.
    """

    def __init__(
        self,
        program: Path,
        name: str,
        root: Path | None = None,
        function: str = "",
        loader: Sequence[str] = (),
    ) -> None:
        command = [*loader, str(program), name, "7", function]
        if root:
            command[-4] = "/looker"
            command = ["unshare", "--mount", "chroot", str(root), *command]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        self.pid = self._process.pid
        self._stack = ExitStack()
        self._stack.enter_context(self._process)
        self._wait()

    def _wait(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.read(1) == b"\0"

    def run(self) -> None:
        """Have it look its name up, and connect."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\0")
        self._wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
