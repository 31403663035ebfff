"""-d: names from getaddrinfo, in whatever C library a process has."""

from __future__ import annotations

import os
import socket
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.attempts import attempt
from tests.support.containers import Looker, build
from tests.support.launch import EMULATED
from tests.support.mounts import etc
from tests.support.resolvers import names_of, own_address, unread
from tests.support.tool import Tool
from tests.support.waiting import TIMEOUT_S

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("netns")

IPV4, IPV6 = "127.1.2.3", "fd00:d::1"
TIMES = 3 if EMULATED else 10  # that each thread looks up its name


def start(*pids: int) -> Tool:
    """Trace what these processes connect to port 7, with names from C libraries."""
    return Tool("-p", ",".join(map(str, pids)), "-P", 7, "-dj", "--names", "libc")


def names(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the names, and where they come from."""
    return [(event["query"], event["query_source"]) for event in events]


def test_hosts_file(tmp_path: Path) -> None:
    """A name that never was asked of any server is known."""
    with etc(tmp_path, f"{IPV4} www.example www\n"), start(os.getpid()) as tool:
        socket.getaddrinfo("www", 7)
        assert names_of(tool, [IPV4]) == ["www"]
        socket.getaddrinfo("www.example", 7)
        assert names_of(tool, [IPV4]) == ["www.example"]


def test_both_ip_versions(tmp_path: Path) -> None:
    """IPv4 and IPv6 addresses have the name; which ones depends on what was asked."""
    hosts = f"{IPV4} www.example\n{IPV6} www.example\n"
    with etc(tmp_path, hosts), start(os.getpid()) as tool:
        socket.getaddrinfo("www.example", 7, socket.AF_INET)
        assert names_of(tool, [IPV4]) == ["www.example"]
        socket.getaddrinfo("www.example", 7)
        events = tool.all_events()
    assert names(events) == [("www.example", "libc")]


def test_sixty_addresses(tmp_path: Path) -> None:
    """Each of many addresses has the name, though each comes for every socket type."""
    addresses = [f"127.1.2.{i}" for i in range(1, 61)]
    hosts = "".join(f"{address} many.example\n" for address in addresses)
    with etc(tmp_path, hosts), start(os.getpid()) as tool:
        assert len(socket.getaddrinfo("many.example", 7)) == 180
        assert names_of(tool, addresses) == ["many.example"] * 60


def test_more_addresses_than_are_read(tmp_path: Path) -> None:
    """Of more than 192 entries the first are read, and it is counted."""
    addresses = [f"127.1.2.{i}" for i in range(1, 101)]
    hosts = "".join(f"{address} many.example\n" for address in addresses)
    with etc(tmp_path, hosts), start(os.getpid()) as tool:
        found = [to[0] for *_, to in socket.getaddrinfo("many.example", 7)]
        ends = [str(found[0]), str(found[-1])]
        assert names_of(tool, ends) == ["many.example", None]
        assert unread(tool) >= 1


@pytest.mark.parametrize(
    "name", ["none.example", own_address(), None], ids=["unknown", "address", "empty"]
)
def test_nothing_looked_up(tmp_path: Path, name: str | None) -> None:
    """Names that are not found, addresses and the empty name name nothing."""
    with etc(tmp_path), start(os.getpid()) as tool:
        try:
            socket.getaddrinfo(name, 7)
        except socket.gaierror:
            assert name == "none.example"
        addresses = [own_address(), "127.0.0.1"]
        assert names_of(tool, addresses) == [None, "localhost"]


def test_names_like_addresses(tmp_path: Path) -> None:
    """Names that begin as addresses do are names, however long they are."""
    hosts = ["7", "7x", "1.2.3x", "1e100.example", "1234567x", "12345678x", "1234567-9"]
    hosts += ["beef.cafe.example", "123456789.1234x", "123.example", "127.0.0.1/"]
    known = {f"127.1.2.{number}": name for number, name in enumerate(hosts, 1)}
    text = "".join(f"{address} {name}\n" for address, name in known.items())
    with etc(tmp_path, text), start(os.getpid()) as tool:
        for address, name in known.items():
            if name != "7":  # an address: 0.0.0.7
                assert socket.getaddrinfo(name, 7, socket.AF_INET)[0][4][0] == address
        assert names_of(tool, [*known]) == [None, *hosts[1:]]


def test_threads(tmp_path: Path) -> None:
    """Threads look up at once, each its own name."""
    addresses = {f"n{i}.example": f"127.1.2.{i}" for i in range(1, 21)}
    hosts = "".join(f"{address} {name}\n" for name, address in addresses.items())
    barrier = threading.Barrier(len(addresses))

    def look_up(name: str) -> None:
        barrier.wait(TIMEOUT_S)
        for _ in range(TIMES):
            socket.getaddrinfo(name, 7)
            attempt(addresses[name], 7)

    with (
        etc(tmp_path, hosts),
        start(os.getpid()) as tool,
        ThreadPoolExecutor(len(addresses)) as pool,
    ):
        list(pool.map(look_up, addresses))  # raises what a thread has raised
        events = tool.events(TIMES * len(addresses))
    found = Counter((event["query"], event["daddr"]) for event in events)
    assert found == dict.fromkeys(addresses.items(), TIMES)


@pytest.mark.parametrize("kind", ["glibc", "musl"])
def test_c_library_of_this_machine(tmp_path: Path, kind: str) -> None:
    """The C libraries that are here have their probes from the start."""
    program = build(tmp_path, kind)
    with (
        etc(tmp_path, f"{IPV4} www.example\n"),
        Looker(program, "www.example") as looker,
        start(looker.pid) as tool,
    ):
        looker.run()
        assert names(tool.events(1)) == [("www.example", "libc")]


@pytest.mark.parametrize("kind", ["glibc", "musl"])
@pytest.mark.parametrize("again", ["", "_r"])
@pytest.mark.parametrize(("base", "address"), [("", IPV4), ("2", "::1")])
def test_gethostbyname(
    tmp_path: Path, kind: str, again: str, base: str, address: str
) -> None:
    """So have the functions that were there before getaddrinfo."""
    program = build(tmp_path, kind)
    hosts = f"{IPV4} www.example\n::1 www.example\n"
    function = f"gethostbyname{base}{again}"
    with (
        etc(tmp_path, hosts),
        Looker(program, "www.example", function=function) as looker,
        start(looker.pid) as tool,
    ):
        looker.run()
        (event,) = tool.events(1)
    assert (event["daddr"], *names([event])[0]) == (address, "www.example", "libc")


def test_gethostbyname_of_many(tmp_path: Path) -> None:
    """Each of many addresses has the name, once."""
    addresses = [f"127.1.2.{i}" for i in range(1, 35)]
    hosts = "".join(f"{address} many.example\n" for address in addresses)
    with etc(tmp_path, hosts), start(os.getpid()) as tool:
        assert socket.gethostbyname_ex("many.example")[2] == addresses
        assert names_of(tool, addresses) == ["many.example"] * len(addresses)
        assert unread(tool) == 0


@pytest.mark.parametrize(
    "name", ["none.example", own_address()], ids=["unknown", "address"]
)
def test_gethostbyname_of_nothing(tmp_path: Path, name: str) -> None:
    """Names that are not found and addresses name nothing."""
    with etc(tmp_path), start(os.getpid()) as tool:
        try:
            socket.gethostbyname_ex(name)
        except OSError:
            assert name == "none.example"
        assert names_of(tool, [own_address()]) == [None]
