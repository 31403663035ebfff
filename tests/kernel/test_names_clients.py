"""-d: names as real programs learn them, from a real resolver."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.attempts import PORT, attempt
from tests.support.containers import Looker, build
from tests.support.mounts import etc
from tests.support.resolvers import dnsmasq
from tests.support.tool import Tool
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.network import NetNs


IPV4, IPV6 = "127.1.2.3", "fd00:d::1"
RECORDS = (f"--host-record=www.example,{IPV4}", f"--host-record=six.example,{IPV6}")
CLIENTS = {
    "curl": f"curl --silent --max-time 5 http://{{}}:{PORT}/",
    "wget": f"wget --quiet --tries=1 --timeout=5 http://{{}}:{PORT}/",
    "busybox wget": f"busybox wget -q http://{{}}:{PORT}/",
}


@pytest.fixture(autouse=True)
def resolver(netns: NetNs, tmp_path: Path) -> Iterator[None]:
    """A resolver that C libraries ask."""
    netns.ip(f"addr add {IPV6}/128 dev lo nodad")
    with etc(tmp_path), dnsmasq(*RECORDS):
        yield


def run(command: str, **environment: str) -> int:
    """Run a program to its end; return its process ID."""
    with subprocess.Popen(
        command.split(), env={**os.environ, **environment}, stdout=subprocess.DEVNULL
    ) as process:
        process.wait()
    return process.pid


def events_of(tool: Tool, pid: int) -> list[dict[str, Any]]:
    """Return the attempts of a process, once there are any."""

    def found() -> list[dict[str, Any]]:
        return [event for event in tool.all_events() if event["pid"] == pid]

    events: list[dict[str, Any]] = wait_until(found, "an event")
    return events


def named(event: dict[str, Any]) -> tuple[str, str, str]:
    """Return the address of an attempt, its name, and where that comes from."""
    return event["daddr"], event["query"], event["query_source"]


@pytest.mark.parametrize("sources", ["dns", "libc"])
@pytest.mark.parametrize("client", ["curl", "wget"])
def test_client(client: str, sources: str) -> None:
    """Both sources see what a program asks its C library, which asks the resolver."""
    with Tool("-P", PORT, "-dj", "--names", sources) as tool:
        for name, address in (("www.example", IPV4), ("six.example", IPV6)):
            pid = run(CLIENTS[client].format(name))
            (event,) = events_of(tool, pid)
            assert named(event) == (address, name, sources)


@pytest.mark.parametrize(
    "options", [(), ("--names", "dns,libc"), ("--names", "libc,dns")]
)
def test_both_sources(options: tuple[str, ...]) -> None:
    """Both sources are used, as they are without the option: the lookup is nearer."""
    with Tool("-P", PORT, "-dj", *options) as tool:
        (event,) = events_of(tool, run(CLIENTS["curl"].format("www.example")))
        assert named(event) == (IPV4, "www.example", "libc")


def test_static_busybox() -> None:
    """A static program has no C library to watch: its answers are seen."""
    with Tool("-P", PORT, "-dj") as tool:
        (event,) = events_of(tool, run(CLIENTS["busybox wget"].format("www.example")))
        assert named(event) == (IPV4, "www.example", "dns")


@pytest.mark.parametrize(
    ("kind", "source"), [("glibc", "libc"), ("musl", "libc"), ("static", "dns")]
)
def test_looker(tmp_path: Path, kind: str, source: str) -> None:
    """glibc, musl and a program without either: each name is known."""
    program = build(tmp_path, kind)
    with (
        Looker(program, "www.example") as looker,
        Tool("-p", looker.pid, "-P", 7, "-dj") as tool,
    ):
        looker.run()
        (event,) = tool.events(1)
    assert named(event) == (IPV4, "www.example", source)


@pytest.mark.parametrize("kind", ["glibc", "musl", "static"])
def test_looker_whose_answers_are_seen(tmp_path: Path, kind: str) -> None:
    """From port 53 alone they are known as well."""
    program = build(tmp_path, kind)
    with (
        Looker(program, "www.example") as looker,
        Tool("-p", looker.pid, "-P", 7, "-dj", "--names", "dns") as tool,
    ):
        looker.run()
        (event,) = tool.events(1)
    assert named(event) == (IPV4, "www.example", "dns")


def test_resolver_over_tcp() -> None:
    """A C library that asks over TCP is understood, too."""
    client = CLIENTS["curl"].format("www.example")
    with Tool("-P", PORT, "-dj", "--names", "dns") as tool:
        (event,) = events_of(tool, run(client, RES_OPTIONS="use-vc"))
        assert named(event) == (IPV4, "www.example", "dns")


def test_lookup_by_another_process() -> None:
    """What getent looked up for a script names the connection of another program."""
    with Tool("-p", os.getpid(), "-P", 7, "-dj", "--names", "libc") as tool:
        run("getent ahosts www.example")
        attempt(IPV4, 7)
        (event,) = tool.events(1)
    assert named(event) == (IPV4, "www.example", "libc")


def test_old_calls() -> None:
    """What gethostbyname2 returns is seen, too."""
    with Tool("-p", os.getpid(), "-P", 7, "-dj") as tool:
        run("getent hosts six.example")
        attempt(IPV6, 7)
        (event,) = tool.events(1)
    assert named(event) == (IPV6, "six.example", "libc")
