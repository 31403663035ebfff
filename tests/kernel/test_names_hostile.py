"""Names are chosen by others: shown harmless, and a line stays a line."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import socket
from typing import TYPE_CHECKING

import dns.message
import dns.name
import pytest

from tests.support.attempts import attempt
from tests.support.mounts import etc
from tests.support.resolvers import LOOPBACK, Server, ask, padded
from tests.support.tool import Tool

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("netns")

# The first label of a name in a DNS answer, and what is shown (RFC 4343).
LABELS = {
    b"\x1b[31mred\x1b[0m": r"\027[31mred\027[0m",
    b"\x1b]0;title\x07": r"\027]0\;title\007",
    b"a\nb\r\nc\td": r"a\010b\013\010c\009d",
    b"\x9b2J\x00\x08\x7f": r"\1552j\000\008\127",
    "\u202egnp.exe".encode(): r"\226\128\174gnp\.exe",
    "né漢".encode(): r"n\195\169\230\188\162",
    b'say "hi", %s%n': r"say\032\"hi\",\032%s%n",
    b"'`$HOME`{0}{pid}": "'`\\$home`{0}{pid}",
    b"a\\.b@c(d)": r"a\\\.b\@c\(d\)",
    b"a" * 63: "a" * 63,
}
# A name that getaddrinfo found, and what is shown.
NAMES = {
    b"\x1b[31mred\x1b[0m": r"\x1b[31mred\x1b[0m",
    b"\x1b]0;title\x07": r"\x1b]0;title\x07",
    b"\x9b2J\x08\x7f": r"\x9b2j\x08\x7f",
    "\x9b2J".encode(): r"\x9b2j",
    "\u202egnp.exe".encode(): r"\u202egnp.exe",
    "a\u200bb\u2028c\U000e0041".encode(): r"a\u200bb\u2028c\U000e0041",
    "né漢.example".encode(): "né漢.example",
    b'say"hi",%s%n': 'say"hi",%s%n',
    b"'`$HOME`{0}{pid}": "'`$home`{0}{pid}",
    b"a\\x1bb\\u202ec": r"a\x1bb\u202ec",
    b"a." * 126 + b"a": "a." * 126 + "a",
}


def address(number: int) -> str:
    """Return the address of the name of this number."""
    return f"127.1.2.{number}"


def ask_for_all() -> None:
    """Learn by DNS that each address has a name with its label."""
    addresses = iter(address(i) for i in range(len(LABELS)))
    with Server(lambda wire: [padded(wire, 400, next(addresses))]):
        for label in LABELS:
            name = dns.name.Name([label, b"example", b""])
            ask(LOOPBACK, dns.message.make_query(name, "A", use_edns=0).to_wire())


def traced(source: str, tmp_path: Path, *options: str) -> str:
    """Learn all names, connect to their addresses, and return the output."""
    names = NAMES if source == "libc" else LABELS
    hosts = b"".join(
        b"%s %s\n" % (address(i).encode(), name) for i, name in enumerate(NAMES)
    )
    with (
        etc(tmp_path, hosts.decode(errors="surrogateescape")),
        Tool("-p", os.getpid(), "-P", 7, "-d", *options) as tool,
    ):
        if source == "libc":
            for name in NAMES:
                assert socket.getaddrinfo(name, 7)
        else:
            ask_for_all()
        for i in range(len(names)):
            attempt(address(i), 7)
        tool.lines(len(names) + ("-j" not in options))
        tool.stop()
        return tool.stdout.decode()


def shown(source: str) -> list[str]:
    """Return the expected names."""
    if source == "libc":
        return list(NAMES.values())
    return [f"{label}.example" for label in LABELS.values()]


@pytest.mark.parametrize("source", ["dns", "libc"])
def test_table(tmp_path: Path, source: str) -> None:
    """Nothing but printable characters reaches a terminal."""
    text = traced(source, tmp_path)
    assert text.replace("\n", "").isprintable()
    header, *lines = text.removesuffix("\n").split("\n")
    start = header.index("QUERY")
    # A name of more than 100 ms has its age behind it.
    names = [re.sub(r" \(\d+\.\d+ms\)$", "", line[start:]) for line in lines]
    assert names == shown(source)


@pytest.mark.parametrize("source", ["dns", "libc"])
def test_json(tmp_path: Path, source: str) -> None:
    """Each line is an object, and has the name as a table shows it."""
    text = traced(source, tmp_path, "-j")
    assert text.replace("\n", "").isprintable()
    lines = text.removesuffix("\n").split("\n")
    assert [json.loads(line)["query"] for line in lines] == shown(source)


@pytest.mark.parametrize("source", ["dns", "libc"])
def test_csv(tmp_path: Path, source: str) -> None:
    """Each row has the name as a table shows it."""
    text = traced(source, tmp_path, "--format", "csv")
    assert text.replace("\r\n", "").isprintable()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["query"] for row in rows] == shown(source)
