"""A C library that is written to in its place gets its probes anew."""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING

from tcpconnect.batch import Warnings
from tcpconnect.kernel import libc
from tcpconnect.kernel.libraries import Libraries
from tcpconnect.machine import processes

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tcpconnect.kernel.libc import Library


def test_written_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next look at all processes sees it, and only then."""
    path = tmp_path / "libc.so.6"
    path.write_bytes(bytes(4096))
    attached: list[str] = []

    def attach(library: Library) -> list[int]:
        attached.append(library.path)
        return [os.open("/dev/null", os.O_RDONLY)]

    monkeypatch.setattr(processes, "pids", lambda: [os.getpid()])
    monkeypatch.setattr(libc, "roots", list)
    libraries = Libraries(attach, None, Warnings(), at_once=True)
    with path.open("r+b") as file:
        kept = mmap.mmap(
            file.fileno(), 4096, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_EXEC
        )
        libraries.scan()
        libraries.scan()
        assert attached.count(str(path)) == 1
        file.write(b"other")
        file.flush()
        os.utime(path, ns=(0, 0))
        libraries.scan()
        libraries.scan()
        assert attached.count(str(path)) == 2
        kept.close()
    assert libraries.unprobed == 0
    libraries.close()
