"""Lookups that fail: a server that says how, and the events that are expected."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dns.flags
import dns.message
import dns.rcode

from tests.support.mounts import etc
from tests.support.resolvers import Server, framed, respond

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.resolvers import Zone

WORDS = ("NXDOMAIN", "NODATA", "SERVFAIL", "REFUSED")
ZONE: Zone = {"good.test.": ["127.1.2.3"], "six.test.": ["fd00::1"]}
COLUMNS = "event,query,result,daddr,dport"


def outcome(wire: bytes) -> bytes:
    """Answer what a name asks for: WORD.test fails so, ZONE is found."""
    query = dns.message.from_wire(wire)
    (question,) = query.question
    if question.name.to_text().lower() in ZONE:
        return respond(ZONE, wire)
    response = dns.message.make_response(query)
    response.flags |= dns.flags.RA
    word = question.name.labels[0].decode().upper()
    known = {"NODATA": "NOERROR", **{w: w for w in WORDS if w != "NODATA"}}
    response.set_rcode(dns.rcode.from_text(known.get(word, "NXDOMAIN")))
    return response.to_wire()


def server(*, tcp: bool = False) -> Server:
    """Return a server that answers so."""
    if tcp:
        return Server(lambda wire: [framed(outcome(wire))], tcp=True)
    return Server(lambda wire: [outcome(wire)])


def failed(name: str, result: str) -> dict[str, Any]:
    """Return the event of a lookup that failed."""
    return {
        "event": "lookup",
        "query": name,
        "result": result,
        "daddr": None,
        "dport": None,
    }


@contextmanager
def resolving(folder: Path, lines: str = "") -> Iterator[None]:
    """Have the C library ask our server, in programs that are started."""
    with etc(folder), server():
        with open("/etc/resolv.conf", "a", encoding="ascii") as file:
            file.write(lines)
        yield


LOOK_UP = "import socket, sys\nsocket.getaddrinfo(sys.argv[1], 7)"


def libc(name: str, code: str = LOOK_UP) -> None:
    """Look up a name by the C library, in a program of its own."""
    subprocess.run(
        [sys.executable, "-c", code, name], check=False, stderr=subprocess.DEVNULL
    )
