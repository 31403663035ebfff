"""File systems that are small, and full."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.support.system import sh

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def small_disk(size: int = 512 << 10) -> Iterator[Path]:
    """Yield a directory of a small file system.

    It is not in a folder of pytest's: it is left when a run is killed, and all later
    runs would fail to remove it.
    """
    with TemporaryDirectory(prefix="tcpconnect-test-") as name:
        sh(f"mount -t tmpfs -o size={size} none {name}")
        try:
            yield Path(name)
        finally:
            sh(f"umount -l {name}")


def fill(path: Path) -> None:
    """Write until nothing more fits."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 512)
