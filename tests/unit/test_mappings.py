"""What is a C library among the files that processes map."""

from __future__ import annotations

import errno
import mmap
import os

import pytest

from tcpconnect.bpf import mappings
from tcpconnect.bpf.mappings import Mapping, Mappings, mapped

LIBRARIES = [
    b"/usr/lib/x86_64-linux-gnu/libc.so.6",
    b"/lib/x86_64-linux-gnu/libc-2.31.so",
    b"/nix/store/0c0-glibc-2.40-66/lib/libc.so.6",
    b"/home/linuxbrew/.linuxbrew/Cellar/glibc/2.39/lib/libc.so.6",
    b"/lib/ld-musl-aarch64.so.1",
    b"/lib/libc.musl-x86_64.so.1",
    b"/usr/lib/x86_64-linux-musl/libc.so",
    b"/opt/some where/libc.so.6",
    b"/libc.so.6",
]
OTHERS = [
    b"/usr/lib/x86_64-linux-gnu/libcrypt.so.1",
    b"/usr/lib/x86_64-linux-gnu/libc++.so.1",
    b"/usr/lib/libc.so.6.old",
    b"/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    b"/usr/lib/xlibc.so.6",
    b"//anon",
    b"[vdso]",
    b"/libc.so.6\n/x",
    b"libc.so.6",
]


@pytest.mark.parametrize("path", LIBRARIES)
def test_c_library(path: bytes) -> None:
    """GNU's and musl, under every name, wherever they are."""
    assert mappings.IS_C_LIBRARY.fullmatch(path)


@pytest.mark.parametrize("path", OTHERS)
def test_no_c_library(path: bytes) -> None:
    """What only looks like one."""
    assert not mappings.IS_C_LIBRARY.fullmatch(path)


@pytest.mark.parametrize("end", [b"", b" (deleted)"])
@pytest.mark.parametrize("path", LIBRARIES)
def test_line(path: bytes, end: bytes) -> None:
    """A line of /proc/PID/maps; other lines have nothing to do with it."""
    line = b"7f01a000-7f01c000 r-xp 00026000 fe:1a 339380      %b%b\n"
    text = line % (b"/bin/true", b"") + line % (path, end)
    text += line.replace(b"r-xp", b"rw-p") % (path, end)
    found = mappings.LINE.findall(text)
    assert found == [(b"7f01a000", b"7f01c000", b"fe", b"1a", b"339380", path)]


def test_own() -> None:
    """This process has one C library, whose file has this inode."""
    (library,) = mapped(os.getpid())
    assert library.file[1] == os.stat(library.path).st_ino
    assert library.start < library.end


def test_process_that_has_ended() -> None:
    """It has none."""
    assert not list(mapped(0))


def record(kind: int, body: bytes) -> bytes:
    """Return a record of perf."""
    return mappings.HEADER.pack(kind, 2, mappings.HEADER.size + len(body)) + body


def mmap2(pid: int, path: bytes) -> bytes:
    """Return PERF_RECORD_MMAP2 of one page."""
    numbers = (pid, 0x1000, 0x1000, 254, 1, 99)
    padded = path + bytes(8 - len(path) % 8)
    return record(10, mappings.MAPPED.pack(*numbers) + padded)


def test_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries are taken in their order; what was lost is told."""
    monkeypatch.setattr(os, "sysconf", lambda _: 0)
    reader = Mappings()
    path = LIBRARIES[0]
    lost = record(2, bytes(16))
    parts = [mmap2(1, path), mmap2(2, b"/bin/true"), record(9, bytes(8)), lost]
    found = list(reader._libraries(b"".join([*parts, mmap2(3, path)])))  # noqa: SLF001
    file = (os.makedev(254, 1), 99)
    assert found == [Mapping(pid, 0x1000, 0x2000, file, path) for pid in (1, 3)]
    assert reader.lost
    reader.close()


class Cpus:
    """Stands for the buffers of CPUs, of which some are off, or refused."""

    def __init__(self) -> None:
        self.fails = {1: errno.ENODEV}

    def __call__(self, cpu: int) -> Cpus:
        """Return the buffer of a CPU."""
        if error := self.fails.get(cpu):
            raise OSError(error, os.strerror(error))
        self.fd = os.eventfd(0)
        return self

    def close(self) -> None:
        """Nothing is mapped."""


@pytest.mark.parametrize("refused", [False, True])
def test_cpu_that_is_switched_on(
    monkeypatch: pytest.MonkeyPatch,
    refused: bool,  # noqa: FBT001
) -> None:
    """It is watched; where that is refused all processes are looked at, again."""
    cpus = Cpus()
    monkeypatch.setattr(os, "sysconf", lambda _: 2)
    monkeypatch.setattr(mappings, "_Buffer", cpus)
    reader = Mappings()
    reader.complete()
    assert not reader.lost
    cpus.fails = {1: errno.EPERM} if refused else {}
    lost = []
    for _ in range(2):
        reader.lost = False
        reader.complete()
        lost.append(reader.lost)
    assert lost == [True, refused]
    reader.close()


def test_mapped_often() -> None:
    """A file that a process maps again and again is yielded once."""
    with open("/proc/self/maps", "rb") as file:
        library = next(p for *_, p in mappings.LINE.findall(file.read()))
    with open(library, "rb") as file:
        size, access = mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_EXEC
        again = [
            mmap.mmap(file.fileno(), size, mmap.MAP_PRIVATE, access) for _ in range(99)
        ]
        files = [mapping.file for mapping in mapped(os.getpid())]
    assert len(files) == len(set(files))
    del again
