"""C libraries without content, and a process that has many of them mapped."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FUNCTIONS = ("getaddrinfo", "gethostbyname_r", "gethostbyname2_r")
SOURCE = "".join(f"int {name}(void) {{ return 1; }}\n" for name in FUNCTIONS)
MAP = """
import mmap, sys
maps = []
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        prot = mmap.PROT_READ | mmap.PROT_EXEC
        maps.append(mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, prot))
print(flush=True)
sys.stdin.read()
"""


def small_libraries(folder: Path, count: int) -> list[Path]:
    """Make so many files that each are a C library of their own; return them."""
    first = folder / "small.so"
    command = ["gcc", "-shared", "-nostdlib", "-x", "c", "-o", str(first), "-"]
    subprocess.run(command, check=True, input=SOURCE.encode())
    paths = [folder / f"{i}/libc.so.6" for i in range(count)]
    for path in paths:
        path.parent.mkdir()
        shutil.copy(first, path)
    return paths


@contextmanager
def mapped(paths: list[Path]) -> Iterator[None]:
    """Have a process map files to execute them, until the body ends."""
    command = [sys.executable, "-c", MAP, *map(str, paths)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as process:  # type: ignore[call-overload]
        process.stdout.readline()
        yield
