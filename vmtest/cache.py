"""Folders that are made once, and archives for initrds."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOP = Path(__file__).parents[1]  # of the project
MADE = ".made"


def cached(folder: Path, key: str, make: Callable[[Path], None]) -> Path:
    """Return ``folder``, made anew by ``make`` unless this key made it before."""
    stamp = folder / MADE
    if not (stamp.exists() and stamp.read_text() == key):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make(folder)
        stamp.write_text(key)
    return folder


def key_of(folder: Path) -> str:
    """Return the key that made a folder."""
    return (folder / MADE).read_text()


@contextlib.contextmanager
def locked(cache: Path, *, alone: bool) -> Iterator[None]:
    """Keep others from changing what is in the cache, or from reading it too."""
    with open(cache / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


def pack(folder: Path, archive: Path) -> None:
    """Write all that is in ``folder`` to a cpio archive, as a kernel unpacks it."""
    names = ["."]
    for parent, folders, files in os.walk(folder):
        where = os.path.relpath(parent, folder)
        names += [os.path.normpath(os.path.join(where, n)) for n in folders + files]
    run(
        *("cpio", "--quiet", "--create", "--format=newc", "--null"),
        *("--owner=+0:+0", "--file", archive),
        what=f"pack {folder}",
        stdin="\0".join(names) + "\0",
        cwd=folder,
    )
