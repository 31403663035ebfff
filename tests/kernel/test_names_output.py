"""-d: what is printed, in every format."""

from __future__ import annotations

import os
import re
import select
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import attempt, comm
from tests.support.resolvers import look_up, serve
from tests.support.tool import Tool

if TYPE_CHECKING:
    from tests.support.network import NetNs

pytestmark = pytest.mark.usefixtures("netns")

IPV4 = "127.1.2.3"
ZONE = {"www.example.": [IPV4]}
HEADER = "PID    COMM         IP SADDR            DADDR            DPORT QUERY"
LONG_S = 0.12


def start(*options: object) -> Tool:
    """Trace what this process connects to port 7."""
    return Tool("-p", os.getpid(), "-P", 7, *options)


def line(address: str, query: str) -> str:
    """Return a line of the table."""
    me = f"{os.getpid():<6} {comm():<12.12}"
    version, source = ("6", "::1") if ":" in address else ("4", "127.0.0.1")
    return f"{me} {version}  {source:<16} {address:<16} 7     {query}"


def test_table() -> None:
    """QUERY is the last column; it says what bcc's tcpconnect says."""
    with serve(ZONE), start("-d") as tool:
        look_up("www.example")
        for address in (IPV4, "127.9.9.9", "127.0.0.1", "::1"):
            attempt(address, 7)
        lines = tool.lines(5)
    assert lines == [
        HEADER,
        line(IPV4, "www.example"),
        line("127.9.9.9", "No DNS Query"),
        line("127.0.0.1", "localhost"),
        line("::1", "localhost"),
    ]


def test_age() -> None:
    """An answer of more than 100 ms ago is shown with its age."""
    with serve(ZONE), start("-d") as tool:
        look_up("www.example")
        select.select((), (), (), LONG_S)
        attempt(IPV4, 7)
        _, shown = tool.lines(2)
    age = re.fullmatch(r".*   www\.example \((\d+\.\d{3})ms\)", shown)
    assert age
    assert LONG_S <= float(age[1]) / 1000 < 10 * LONG_S
    assert shown == line(IPV4, f"www.example ({age[1]}ms)")


def test_age_in_json() -> None:
    """JSON has the age in a key of its own, whatever it is."""
    with serve(ZONE), start("-dj") as tool:
        look_up("www.example")
        attempt(IPV4, 7)
        select.select((), (), (), LONG_S)
        attempt(IPV4, 7)
        first, second = tool.events(2)
    assert [first["query"], second["query"]] == ["www.example"] * 2
    assert 0 < first["query_age_ms"] < second["query_age_ms"]
    assert second["query_age_ms"] >= LONG_S * 1000


def test_json_keys() -> None:
    """The keys of names follow the others; what is not known is null."""
    with serve(ZONE), start("-dj") as tool:
        look_up("www.example")
        attempt(IPV4, 7)
        attempt("127.9.9.9", 7)
        attempt("::1", 7)
        events = tool.events(3)
    keys = ["query", "query_source", "query_age_ms", "query_scope"]
    assert [list(event)[-4:] for event in events] == [keys] * 3
    names = [[event[key] for key in keys[:2]] for event in events]
    assert names == [["www.example", "dns"], [None, None], ["localhost", None]]
    for key in keys[2:]:
        assert [event[key] is None for event in events] == [False, True, True]


def test_count() -> None:
    """-c has the newest name of each destination, marked if not its only one."""
    with serve({"www.example.": [IPV4], "new.example.": [IPV4]}), start("-cd") as tool:
        look_up("www.example")
        attempt(IPV4, 7)
        look_up("new.example")
        attempt(IPV4, 7)
        for address in ("127.9.9.9", "127.0.0.1"):
            attempt(address, 7)
        tool.stop()
        header, *lines = tool.stdout.decode().splitlines()
    assert header.split()[:4] == ["LADDR", "RADDR", "RPORT", "CONNECTS"]
    assert header.split()[-1] == "QUERY"
    flows = [(ln[22:48].strip(), ln[67:].split()[0], ln[94:].strip()) for ln in lines]
    assert flows == [
        (IPV4, "2", "new.example?"),
        ("127.0.0.1", "1", "localhost"),
        ("127.9.9.9", "1", "No DNS Query"),
    ]


def test_count_in_json() -> None:
    """-c in JSON has null where no name is known."""
    with serve(ZONE), start("-cdj") as tool:
        look_up("www.example")
        attempt(IPV4, 7)
        attempt("127.9.9.9", 7)
        tool.stop()
        flows = tool.all_events()
    assert [(f["daddr"], f["query"]) for f in flows] == [
        (IPV4, "www.example"),
        ("127.9.9.9", None),
    ]


def test_late_event(far: NetNs) -> None:
    """With -r an attempt has the name that was known when it began.

    It keeps it however many answers about its address come until it ends.
    """
    assert far
    address = "10.2.0.1"
    zone = {f"{name}.example.": [address] for name in ("old", "new")}
    with serve(zone), start("-drj") as tool, ExitStack() as stack:
        for names in (["old"], ["new"], ["new"] * 9):
            for name in names:
                look_up(f"{name}.example")
            client = stack.enter_context(socket.socket())
            client.settimeout(0)
            client.connect_ex((address, 7))
        stack.close()
        events = tool.events(3)
    assert sorted(e["query"] for e in events) == ["new.example"] * 2 + ["old.example"]
