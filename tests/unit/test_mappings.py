"""What is a C library among the files that processes map."""

from __future__ import annotations

import errno
import mmap
import os
from typing import TYPE_CHECKING

import pytest

from tcpconnect.kernel import mappings
from tcpconnect.kernel.mappings import Mapping, Mappings, mapped

if TYPE_CHECKING:
    from pathlib import Path

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
    """Libraries are read in their order; losses are noticed."""
    monkeypatch.setattr(mappings, "online", set)
    reader = Mappings()
    path = LIBRARIES[0]
    lost = record(2, bytes(16))
    parts = [mmap2(1, path), mmap2(2, b"/bin/true"), record(9, bytes(8)), lost]
    found = list(reader._libraries(b"".join([*parts, mmap2(3, path)])))  # noqa: SLF001
    file = (os.makedev(254, 1), 99)
    assert found == [Mapping(pid, 0x1000, 0x2000, file, path) for pid in (1, 3)]
    assert reader.lost
    reader.close()


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("0\n", {0}),
        ("0-3\n", {0, 1, 2, 3}),
        ("0-1,4,6-7\n", {0, 1, 4, 6, 7}),
        ("", set()),
    ],
)
def test_online(tmp_path: Path, text: str, cpus: set[int]) -> None:
    """The kernel has them as ranges."""
    path = tmp_path / "online"
    path.write_text(text)
    assert mappings.online(str(path)) == cpus


class Cpus:
    """Stands for the buffers of CPUs, of which some are off, or refused."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *on: int) -> None:
        self.fails: dict[int, int] = {}
        self.on = set(on)
        self.watched: list[int] = []
        monkeypatch.setattr(mappings, "online", lambda: set(self.on))
        monkeypatch.setattr(mappings, "_Buffer", self.buffer)

    def buffer(self, cpu: int) -> Cpu:
        """Return the buffer of a CPU."""
        if error := self.fails.get(cpu):
            raise OSError(error, os.strerror(error))
        return Cpu(self, cpu)


class Cpu:
    """Stands for a buffer, which is empty."""

    def __init__(self, cpus: Cpus, cpu: int) -> None:
        self._cpus, self._cpu = cpus, cpu
        self.fd = os.eventfd(0)
        cpus.watched.append(cpu)

    def close(self) -> None:
        """Nothing is mapped."""
        os.close(self.fd)
        self._cpus.watched.remove(self._cpu)


def completed(reader: Mappings) -> bool:
    """Whether something was lost, by the next look."""
    reader.lost = False
    reader.complete()
    return reader.lost


def test_cpu_that_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is looked at for it."""
    cpus = Cpus(monkeypatch, 0, 2)
    reader = Mappings()
    assert cpus.watched == [0, 2]
    assert not completed(reader)
    cpus.on.add(3)  # and off again, before we come to it
    cpus.fails = {3: errno.ENODEV}
    completed(reader)
    cpus.on.remove(3)
    assert not completed(reader)
    reader.close()
    assert cpus.watched == []


def test_cpu_that_is_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is watched, and all processes are looked at once."""
    cpus = Cpus(monkeypatch, 0)
    reader = Mappings()
    cpus.on.add(1)
    assert [completed(reader) for _ in range(2)] == [True, False]
    assert cpus.watched == [0, 1]
    reader.close()


def test_cpu_that_is_switched_off_and_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its event has ended: it gets another one."""
    cpus = Cpus(monkeypatch, 0, 1)
    reader = Mappings()
    cpus.on.remove(1)
    assert [completed(reader) for _ in range(2)] == [True, False]
    assert cpus.watched == [0]
    cpus.on.add(1)
    assert [completed(reader) for _ in range(2)] == [True, False]
    assert cpus.watched == [0, 1]
    reader.close()


def test_cpu_that_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """All processes are looked at again and again; no CPU is watched twice."""
    cpus = Cpus(monkeypatch, 0)
    reader = Mappings()
    cpus.on |= {1, 2}
    cpus.fails = {2: errno.EPERM}
    assert [completed(reader) for _ in range(2)] == [True, True]
    assert cpus.watched == [0, 1]
    reader.close()
    assert cpus.watched == []


def test_without_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    """That tells nothing of the process: nothing it uses may be let go."""
    used_up(monkeypatch, errno.EMFILE)
    with pytest.raises(OSError, match="Too many open files"):
        list(mapped(os.getpid()))
    used_up(monkeypatch, errno.EACCES)
    assert not list(mapped(os.getpid()))


def used_up(monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    """Have no file opened any more."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(mappings, "open", fail, raising=False)


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
