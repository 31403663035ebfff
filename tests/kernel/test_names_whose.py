"""-d: whose a name is, and who does not get it."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import PORT, Child, attempt
from tests.support.mounts import etc
from tests.support.network import NetNs
from tests.support.resolvers import look_up, serve
from tests.support.same_pid import free_pid, run_as
from tests.support.sockets import begin
from tests.support.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


ADDRESS = "192.0.2.3"
OTHER = PORT + 1  # also closed
UNSPECIFIED = "0.0.0.0"  # noqa: S104


@pytest.fixture(autouse=True)
def net(netns: NetNs) -> NetNs:
    """A network namespace where ADDRESS is near."""
    netns.ip(f"route add local {ADDRESS} dev lo")
    return netns


@pytest.fixture
def other_netns() -> Iterator[NetNs]:
    """Another one."""
    made = NetNs()
    try:
        yield made
    finally:
        made.remove()


def find(name: str) -> None:
    """Look a name up by getaddrinfo."""
    assert socket.getaddrinfo(name, PORT)


def test_next_owner_of_a_pid(tmp_path: Path) -> None:
    """What a process looked up is not the name of the next one that has its PID."""

    def dead() -> None:
        find("dead.example")
        attempt(ADDRESS, PORT)

    pid = free_pid()
    with Tool("-P", PORT, "-dj", "--names", "libc") as tool:
        with etc(tmp_path, f"{ADDRESS} dead.example\n"):
            run_as(pid, dead)
        with etc(tmp_path, f"{ADDRESS} newer.example\n"):
            find("newer.example")
        run_as(pid, lambda: attempt(ADDRESS, PORT))
        events = tool.events(2)
    assert [event["pid"] for event in events] == [pid, pid]
    assert [event["query"] for event in events] == ["dead.example", "newer.example"]
    scopes = [event["query_scope"] for event in events]
    assert (scopes[0], scopes[1] != "process") == ("process", True)


def test_mark(tmp_path: Path) -> None:
    """A table marks the name that another process asked for, but not the own one."""
    with (
        Child(lambda: attempt(ADDRESS, PORT)) as stranger,
        Tool("-P", PORT, "-d") as tool,
    ):
        with etc(tmp_path, f"{ADDRESS} cache.corp.example\n"):
            find("cache.corp.example")
        attempt(ADDRESS, PORT)
        stranger.run()
        _, *lines = tool.lines(3)
    assert [line.split()[6] for line in lines] == [
        "cache.corp.example",
        "cache.corp.example?",
    ]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "127.1.2.3"])
def test_local_addresses(tmp_path: Path, other_netns: NetNs, address: str) -> None:
    """A name of a loopback address is of the network namespace where it was learned."""
    with (
        Child(lambda: attempt(address, PORT)) as near,
        Child(lambda: attempt(address, PORT), other_netns.enter) as elsewhere,
        etc(tmp_path, f"{address} pknic.example\n"),
        Tool("-P", PORT, "-dj", "--names", "libc") as tool,
    ):
        find("pknic.example")
        near.run()
        elsewhere.run()
        events = tool.events(2)
    theirs = None if address == "127.1.2.3" else "localhost"
    assert [event["query"] for event in events] == ["pknic.example", theirs]


def test_local_address_of_an_answer(other_netns: NetNs) -> None:
    """The same with a name from DNS."""
    with (
        Child(lambda: attempt("127.0.0.1", PORT), other_netns.enter) as elsewhere,
        serve({"pknic.example.": ["127.0.0.1"]}),
        Tool("-P", PORT, "-dj", "--names", "dns") as tool,
    ):
        look_up("pknic.example")
        attempt("127.0.0.1", PORT)
        elsewhere.run()
        events = tool.events(2)
    assert [event["query"] for event in events] == ["pknic.example", "localhost"]


def test_local_addresses_counted(tmp_path: Path, other_netns: NetNs) -> None:
    """-c has them apart, too, and marks the name that is not every attempt's."""
    addresses = ("127.1.2.3", "127.1.2.4", "127.1.2.5")
    names = dict(zip(addresses, "abc", strict=True))
    hosts = "".join(f"{address} {name}.example\n" for address, name in names.items())

    def there() -> None:
        find("other.example")
        for address in addresses[:2]:
            attempt(address, PORT)

    folder = tmp_path / "other"
    folder.mkdir()
    with etc(folder, f"{addresses[1]} other.example\n"):
        elsewhere = Child(there, other_netns.enter)
    with elsewhere, etc(tmp_path, hosts), Tool("-P", PORT, "-cd") as tool:
        elsewhere.run()
        for address in (*addresses[1:], "127.0.0.1"):
            find(f"{names.get(address, 'a')}.example")
            attempt(address, PORT)
        tool.stop()
        _, *lines = tool.stdout.decode().splitlines()
    shown = {line.split()[1]: line[94:].strip() for line in lines}
    assert shown == {
        "127.1.2.3": "No DNS Query",
        "127.1.2.4": "b.example?",
        "127.1.2.5": "c.example",
        "127.0.0.1": "localhost",
    }


def connect_to(address: str) -> None:
    """Connect to a closed port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as client:
        assert client.connect_ex((address, PORT)) == errno.ECONNREFUSED


@pytest.mark.parametrize(
    ("address", "loopback"), [(UNSPECIFIED, "127.0.0.1"), ("::", "::1")]
)
def test_blocked_name(tmp_path: Path, address: str, loopback: str) -> None:
    """A name that a block list gave an unspecified address is shown, once."""
    with (
        Child(lambda: attempt(loopback, PORT)) as stranger,
        etc(tmp_path, f"{address} ads.example\n"),
        Tool("-P", PORT, "-dj", "--names", "libc") as tool,
    ):
        find("ads.example")
        stranger.run()
        connect_to(address)
        attempt(loopback, PORT)
        events = tool.events(3)
    assert [event["daddr"] for event in events] == [loopback] * 3
    names = [event["query"] for event in events]
    assert names == ["localhost", "ads.example", "localhost"]
    assert [event["query_scope"] for event in events] == [None, "process", None]


@pytest.mark.parametrize(
    ("address", "loopback"), [(UNSPECIFIED, "127.0.0.1"), ("::", "::1")]
)
def test_blocked_name_of_two_at_once(
    tmp_path: Path, address: str, loopback: str
) -> None:
    """The attempt that began first after the answer has it, though it ends last."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with (
        socket.create_server((loopback, PORT), family=family, backlog=0) as server,
        socket.create_connection((loopback, PORT)),  # all that fit into the backlog
        socket.socket(family) as first,
        etc(tmp_path, f"{address} ads.example\n"),
        Tool("-P", f"{PORT},{OTHER}", "-rdj", "--names", "libc") as tool,
    ):
        find("ads.example")
        begin(first, (address, PORT))
        attempt(loopback, OTHER)
        (early,) = tool.events(1)
        first.close()
        _, late = tool.events(2)
        server.close()
    shown = [
        (event["dport"], event["result"], event["query"]) for event in (late, early)
    ]
    assert shown == [
        (PORT, "ABORTED", "ads.example"),
        (OTHER, "ECONNREFUSED", "localhost"),
    ]


def test_blocked_name_of_an_attempt_that_is_not_shown(tmp_path: Path) -> None:
    """Nor does any later one have it."""
    with (
        etc(tmp_path, f"{UNSPECIFIED} ads.example\n"),
        Tool("-P", PORT, "-dj", "--names", "libc") as tool,
    ):
        find("ads.example")
        attempt("127.0.0.1", OTHER)
        attempt("127.0.0.1", PORT)
        (event,) = tool.events(1)
    assert event["query"] == "localhost"


@pytest.mark.parametrize("name", ["WwW.sHop.examplE", "www.shop.example."])
def test_one_spelling(tmp_path: Path, name: str) -> None:
    """Names are in lower case without a final dot, whoever spells them."""
    with etc(tmp_path, f"{ADDRESS} {name}\n"), Tool("-P", PORT, "-dj") as tool:
        find(name)
        attempt(ADDRESS, PORT)
        (event,) = tool.events(1)
    assert (event["query"], event["query_source"]) == ("www.shop.example", "libc")


def test_one_spelling_of_answers() -> None:
    """So are those of DNS answers: resolvers choose letters at random."""
    name = "WwW.sHop.examplE"
    zone = {f"{name.lower()}.": [ADDRESS]}
    with serve(zone), Tool("-P", PORT, "-dj", "--names", "dns") as tool:
        look_up(name)
        attempt(ADDRESS, PORT)
        (event,) = tool.events(1)
    assert event["query"] == "www.shop.example"
