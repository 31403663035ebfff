"""-d: C libraries in any place, and warnings for those that can't be probed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.containers import (
    Looker,
    build,
    libraries,
    make_image,
    move_library,
    overlay,
)
from tests.support.mounts import etc
from tests.support.privileges import nobody, use
from tests.support.tool import Tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("netns", "known_libraries")

IPV4 = "127.1.2.3"
HOSTS = f"{IPV4} inside.example\n"
NAMED = [("inside.example", "libc")]
SHORT = 8
UNPROBED = re.compile(
    rb"^tcpconnect: (in total, |warning: )(\d+) programs of this machine ended before "
    rb"their new C library could be probed",
    re.MULTILINE,
)


def tracing() -> Tool:
    """Trace what connects to port 7 in this network namespace, also later."""
    inode = os.stat("/proc/thread-self/ns/net").st_ino
    return Tool("--netns", inode, "-P", 7, "-dj", "--names", "libc")


def names(tool: Tool, pid: int) -> list[tuple[str, str]]:
    """Return the names of what a process connected to, where they have one."""
    events = [e for e in tool.all_events() if e["pid"] == pid and e["query"]]
    return [(event["query"], event["query_source"]) for event in events]


def first_names(tool: Tool, looker: Looker) -> list[tuple[str, str]]:
    """Have it look up until there is a name; return the names."""

    def named() -> list[tuple[str, str]]:
        looker.run()
        return names(tool, looker.pid)

    found: list[tuple[str, str]] = wait_until(named, "a name")
    return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[list[str]]:
    """What loads a program with a C library that is nowhere else, in our own root."""
    program = build(tmp_path, "glibc")
    folder = tmp_path / "nix/store/glibc"
    folder.mkdir(parents=True)
    for path in libraries(program, "glibc"):
        shutil.copy(os.path.realpath(path), folder / os.path.basename(path))
    (loader,) = folder.glob("ld-linux*")
    with etc(tmp_path, HOSTS):
        yield [str(loader), "--library-path", str(folder)]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The looker that is built for it."""
    return tmp_path / "looker-glibc"


def test_program_that_runs_already(place: list[str], program: Path) -> None:
    """A C library that is in use has its probes from the start."""
    with Looker(program, "inside.example", loader=place) as looker, tracing() as tool:
        looker.run()
        tool.events(1)
        assert names(tool, looker.pid) == NAMED


def test_program_that_starts_later(place: list[str], program: Path) -> None:
    """A C library has its probes as soon as a program maps it."""
    with tracing() as tool, Looker(program, "inside.example", loader=place) as looker:
        assert first_names(tool, looker)[:1] == NAMED


def test_without_root(
    place: list[str], program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without CAP_SYS_PTRACE it is found where it is in our own root directory."""
    needed = ("CAP_BPF", "CAP_PERFMON", "CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH")
    use(nobody(*needed), monkeypatch)
    with tracing() as tool, Looker(program, "inside.example", loader=place) as looker:
        assert first_names(tool, looker)[:1] == NAMED


def test_deleted(place: list[str], program: Path) -> None:
    """So has one that was replaced since its programs started."""
    with Looker(program, "inside.example", loader=place) as looker:
        os.unlink(f"{place[-1]}/libc.so.6")
        with tracing() as tool:
            looker.run()
            tool.events(1)
            assert names(tool, looker.pid) == NAMED


def test_container(tmp_path: Path) -> None:
    """In a container on overlayfs the path is that of the container."""
    image = make_image(tmp_path / "image", "glibc", HOSTS)
    loader = move_library(image)
    with overlay(tmp_path / "container", image) as root, tracing() as tool:
        looker = Looker(image, "inside.example", root, loader=loader)
        with looker:
            assert first_names(tool, looker)[:1] == NAMED


def test_library_that_was_not_written_yet(tmp_path: Path) -> None:
    """One that was seen half-written is tried again when it has changed."""
    image = make_image(tmp_path / "image", "glibc", HOSTS)
    (library,) = image.rglob("libc.so.6")
    whole = library.read_bytes()
    with Looker(image, "none.example", image):
        half = library.with_suffix(".new")
        half.write_bytes(whole[: len(whole) // 2])
        half.rename(library)
        with tracing() as tool:
            (told,) = re.findall(
                rb"^tcpconnect: no names .*$", tool.stderr, re.MULTILINE
            )
            assert b"can't probe /" in told
            assert b"/libc.so.6: " in told
            library.write_bytes(whole)
            with Looker(image, "inside.example", image) as looker:
                assert first_names(tool, looker)[:1] == NAMED


def test_programs_that_end_at_once(tmp_path: Path) -> None:
    """Programs of an image that is new, which ended first, are counted together."""
    images = [make_image(tmp_path / str(i), "glibc") for i in range(SHORT)]
    with tracing() as tool:
        tool.process.send_signal(signal.SIGSTOP)
        for image in images:
            command = ["chroot", str(image), "/looker", "none.example", "7"]
            subprocess.run(
                command,
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        tool.process.send_signal(signal.SIGCONT)
        assert wait_until(lambda: UNPROBED.search(tool.stderr), "the notice")
        tool.stop()
    (first, _), (last, count) = UNPROBED.findall(tool.stderr)
    assert (first, last) == (b"warning: ", b"in total, ")
    assert int(count) >= SHORT  # others of this machine are counted, too


def test_program_whose_library_is_known(tmp_path: Path) -> None:
    """However short it lives, it is not counted when its library has probes."""
    image = make_image(tmp_path / "image", "glibc", HOSTS)
    with Looker(image, "inside.example", image) as looker, tracing() as tool:
        tool.process.send_signal(signal.SIGSTOP)
        command = ["chroot", str(image), "/looker", "inside.example", "7"]
        subprocess.run(command, check=True, input=b"\0", stdout=subprocess.DEVNULL)
        looker.run()
        tool.process.send_signal(signal.SIGCONT)
        named = [(e["query"], e["query_source"]) for e in tool.events(2)]
        tool.stop()
    assert named == NAMED * 2
    assert UNPROBED.findall(tool.stderr) == []
