"""-d: how many names are kept, and what happens where a source is not to be had."""

from __future__ import annotations

import os
import re
import select
import socket
import subprocess
from pathlib import Path

import pytest

from tcpconnect.bpf import libbpf
from tests.support.attempts import run_tool
from tests.support.mounts import etc, private_mounts, unmount_cgroups
from tests.support.resolvers import (
    LOOPBACK,
    Server,
    ask,
    look_up,
    names_of,
    own_address,
    padded,
    query,
    serve,
)
from tests.support.system import sh
from tests.support.tool import Tool

pytestmark = pytest.mark.usefixtures("netns")

BPF_FOLDER = Path(libbpf.__file__).parent
ANSWERS, LOOKUPS = "answers", f"lookups.{os.uname().machine}"
IPV4 = "127.1.2.3"
LOST = re.compile(rb"in total, \d+ names lost: half of the ring buffer was full")
ZONE = {f"n{i}.example.": [f"127.1.2.{i}"] for i in range(1, 4)}


def start(*options: object) -> Tool:
    """Trace what this process connects to port 7."""
    return Tool("-p", os.getpid(), "-P", 7, "-dj", *options)


def said(tool: Tool) -> list[str]:
    """Return the lines that it has said before it was ready."""
    return tool.stderr.decode().splitlines()[:-1]


def test_max_names() -> None:
    """With --max-names the addresses that were named last keep their names."""
    with serve(ZONE), start("--max-names", 2) as tool:
        for i in (1, 2, 3):
            look_up(f"n{i}.example")
        addresses = [f"127.1.2.{i}" for i in (1, 2, 3)]
        assert names_of(tool, addresses) == [None, "n2.example", "n3.example"]


def test_names_ttl() -> None:
    """With --names-ttl a name is forgotten after so many seconds.

    The address is this process's own: what another run of this test learns is a name
    for it, too.
    """
    own = own_address()
    with serve({"n3.example.": [own]}), start("--names-ttl", 0.2) as tool:
        look_up("n3.example")
        assert names_of(tool, [own]) == ["n3.example"]
        select.select((), (), (), 0.25)
        assert names_of(tool, [own]) == [None]


def test_lost_names() -> None:
    """An answer that does not fit the ring buffer is counted."""
    own = own_address()
    server = Server(lambda asked: [padded(asked, 4096, own)])
    with server, start("--ring-bytes", 4096) as tool:
        ask(LOOPBACK, query("www.example"))
        assert names_of(tool, [own]) == [None]
        tool.stop()
    assert LOST.search(tool.stderr)


def test_one_source_only(tmp_path: Path) -> None:
    """With --names the other source is not used."""
    hosts = f"{IPV4} hosts.example\n"
    with etc(tmp_path, hosts), serve(ZONE):
        for source, name in (("dns", "n3.example"), ("libc", "hosts.example")):
            with start("--names", source) as tool:
                look_up("n3.example")
                assert socket.getaddrinfo("hosts.example", 7)
                assert names_of(tool, [IPV4]) == [name]


def hide(*objects: str) -> None:
    """Have these BPF objects be empty."""
    for name in objects:
        sh(f"mount --bind /dev/null {BPF_FOLDER}/{name}.bpf.o")


def test_no_lookups() -> None:
    """Where lookups can't be seen, one line says so; DNS answers are seen."""
    with private_mounts():
        hide(LOOKUPS)
        with serve(ZONE), start() as tool:
            look_up("n3.example")
            assert names_of(tool, [IPV4]) == ["n3.example"]
    (line,) = said(tool)
    assert line.startswith("tcpconnect: no names from libc: can't open the BPF object")


def test_no_answers(tmp_path: Path) -> None:
    """Where DNS answers can't be seen, one line says so; lookups are seen."""
    with etc(tmp_path, f"{IPV4} hosts.example\n"):
        hide(ANSWERS)
        with start() as tool:
            assert socket.getaddrinfo("hosts.example", 7)
            assert names_of(tool, [IPV4]) == ["hosts.example"]
    (line,) = said(tool)
    assert line.startswith("tcpconnect: no names from dns: can't open the BPF object")


@pytest.mark.parametrize("names", ["dns", "libc", "dns,libc"])
def test_no_source(names: str) -> None:
    """Where no source can be seen there is no -d: one line, exit code 1."""
    with private_mounts():
        hide(ANSWERS, LOOKUPS)
        result = run_tool("-d", "--names", names)
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("tcpconnect: can't open the BPF object")


def test_cgroup_v2_not_mounted() -> None:
    """Where cgroup v2 is mounted nowhere, answers are seen all the same."""
    with private_mounts():
        unmount_cgroups()
        with open("/proc/thread-self/mountinfo", encoding="utf-8") as mounts:
            assert "cgroup2" not in mounts.read()
        with serve(ZONE), start("--names", "dns") as tool:
            look_up("n3.example")
            assert names_of(tool, [IPV4]) == ["n3.example"]
            assert said(tool) == []


@pytest.mark.parametrize("name", ["cgroup", "with space", "é漢"])
def test_cgroup_v2_mounted_elsewhere(tmp_path: Path, name: str) -> None:
    """It may be mounted anywhere."""
    path = tmp_path / name
    path.mkdir()
    with private_mounts():
        unmount_cgroups()
        subprocess.run(["mount", "-t", "cgroup2", "none", path], check=True)
        with serve(ZONE), start("--names", "dns") as tool:
            look_up("n3.example")
            assert names_of(tool, [IPV4]) == ["n3.example"]


def test_part_of_cgroup_v2_mounted(tmp_path: Path) -> None:
    """A mount of a part of the hierarchy is not mistaken for the whole."""
    path = tmp_path / "cgroup"
    path.mkdir()
    with private_mounts():
        sh(f"mount -t cgroup2 none {path}")
        part = path / f"names-{os.getpid()}"
        part.mkdir()
        try:
            sh(f"mount --bind {part} /mnt")
            sh(f"umount --lazy {path}")
            unmount_cgroups()
            with serve(ZONE), start("--names", "dns") as tool:
                look_up("n3.example")
                assert names_of(tool, [IPV4]) == ["n3.example"]
        finally:
            sh(f"mount -t cgroup2 none {path}")
            part.rmdir()
            sh(f"umount --lazy {path}")
