"""The samples of bcc's example page, character for character.

Each ``*.txt`` beside this file holds the lines of one sample as the page prints them. A
sample's options and events are in SAMPLES: another one is a file and a row there.
"""

from __future__ import annotations

import re
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_pton
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tcpconnect.bpf.ring import HEADER_BYTES, Run
from tcpconnect.counted import decode_flows
from tcpconnect.ending import PROG
from tcpconnect.enrich.names import Names
from tcpconnect.formats import open_format
from tcpconnect.help import short
from tcpconnect.kernel.records import FLOW, LOOKUP
from tcpconnect.options import OPTIONS
from tcpconnect.parsing import parse
from tcpconnect.view import View
from tests.support import decoding

if TYPE_CHECKING:
    from tcpconnect.connection import Connection

START_NS = 7_000_000_000_000
NETNS = 4026531840


class Process(NamedTuple):
    """Who connects."""

    pid: int
    comm: str
    uid: int = 0


class Attempt(NamedTuple):
    """A connection attempt, so many seconds after the first of all."""

    process: Process
    saddr: str
    daddr: str
    dport: int
    at: float = 0.0


class Lookup(NamedTuple):
    """A name that a process looked up, so many seconds after the first attempt."""

    process: Process
    name: str
    address: str
    at: float = 0.0


class Sample(NamedTuple):
    """The options of a sample, the attempts that it shows, and lookups before them."""

    options: str
    attempts: list[Attempt]
    lookups: tuple[Lookup, ...] = ()


AGENT = Process(2482, "local_agent")
CURL = Process(1469, "curl")
CURL_80 = Process(31322, "curl", uid=1000)
SSM_AGENT = Process(1543, "amazon-ssm-agent")
SSH = Process(2015, "ssh")
TELNET_4 = Process(1479, "telnet")
TELNET_6 = Process(1991, "telnet")
TELNET_ROOT = Process(31333, "telnet")
TELNET_USER = Process(31338, "telnet", uid=1000)

LINK_LOCAL = "fe80::2000:bff:fe82:3ac"
SOURCE = "10.103.219.236"

SAMPLES = {
    "default.txt": Sample(
        "",
        [
            Attempt(TELNET_4, "127.0.0.1", "127.0.0.1", 23),
            Attempt(CURL, "10.201.219.236", "54.245.105.25", 80),
            Attempt(CURL, "10.201.219.236", "54.67.101.145", 80),
            Attempt(TELNET_6, "::1", "::1", 23),
            Attempt(SSH, LINK_LOCAL, LINK_LOCAL, 22),
        ],
    ),
    "t.txt": Sample(
        "-t",
        [
            Attempt(AGENT, SOURCE, "10.251.148.38", 7001, at=31.871),
            Attempt(AGENT, SOURCE, "10.101.3.132", 7001, at=31.874),
            Attempt(AGENT, SOURCE, "10.171.133.98", 7101, at=31.878),
            Attempt(AGENT, SOURCE, "10.251.148.38", 7001, at=90.917),
            Attempt(AGENT, SOURCE, "10.102.64.230", 7001, at=90.928),
            Attempt(AGENT, SOURCE, "10.115.167.169", 7101, at=90.938),
        ],
    ),
    "d.txt": Sample(
        "-d",
        [
            Attempt(SSM_AGENT, "10.66.75.54", "176.32.119.67", 443, at=0.05),
            Attempt(TELNET_4, "127.0.0.1", "127.0.0.1", 23, at=1.0),
            Attempt(CURL, "10.201.219.236", "54.245.105.25", 80, at=2.123342),
            Attempt(CURL, "10.201.219.236", "54.67.101.145", 80, at=3.0),
            Attempt(TELNET_6, "::1", "::1", 23, at=4.0),
            Attempt(SSH, LINK_LOCAL, LINK_LOCAL, 22, at=5.1),
        ],
        (
            Lookup(SSM_AGENT, "ec2messages.us-west-1.amazonaws.com", "176.32.119.67"),
            Lookup(CURL, "www.domain.com", "54.245.105.25", at=2.0),
            Lookup(SSH, "anotherhost.org", LINK_LOCAL, at=5.0),
        ),
    ),
    "U.txt": Sample(
        "-U",
        [
            Attempt(TELNET_ROOT, "::1", "::1", 23),
            Attempt(TELNET_ROOT, "127.0.0.1", "127.0.0.1", 23),
            Attempt(CURL_80, "127.0.0.1", "127.0.0.1", 80),
            Attempt(CURL_80, "::1", "::1", 80),
        ],
    ),
    "Uu.txt": Sample(
        "-Uu 1000",
        [
            Attempt(TELNET_USER, "::1", "::1", 23),
            Attempt(TELNET_USER, "127.0.0.1", "127.0.0.1", 23),
        ],
    ),
}

# Destination and connects of each flow of the -c sample, as the kernel may list them.
FLOWS = [("172.212.22.194", 21), ("172.217.21.194", 70), ("172.213.11.195", 34)]


def page(name: str) -> str:
    """Return what the page says."""
    return Path(__file__).with_name(name).read_text()


def raw(address: str) -> bytes:
    """Return the 16 bytes of an address in a record."""
    if ":" in address:
        return inet_pton(AF_INET6, address)
    return inet_pton(AF_INET6, "::ffff:0.0.0.0")[:12] + inet_pton(AF_INET, address)


def record(attempt: Attempt) -> bytes:
    """Return what the kernel writes for an attempt."""
    process = attempt.process
    return decoding.attempt(
        time_ns=START_NS + round(attempt.at * 1e9),
        cgroup=1,
        saddr=raw(attempt.saddr),
        daddr=raw(attempt.daddr),
        pid=process.pid,
        tid=process.pid,
        uid=process.uid,
        netns=NETNS,
        dport=attempt.dport,
        ip=6 if ":" in attempt.daddr else 4,
        comm=process.comm.encode(),
        start_ns=1,
        netns_key=NETNS,
    )


def lookup(process: Process, name: str, address: str, at: float) -> Run:
    """Return what the kernel writes for a lookup."""
    record = LOOKUP.layout.pack(
        START_NS + round(at * 1e9),
        0,  # when it began
        1,  # cgroup
        1,  # when its process began
        NETNS,
        process.pid,
        1,  # number of addresses
        0,  # no more of them
        name.encode(),
        raw(address),
    )
    return Run(LOOKUP.length, bytes(HEADER_BYTES) + record)


def events(sample: Sample) -> list[Connection]:
    """Return what is shown of a sample."""
    names = Names()
    for each in sample.lookups:
        names.learn(lookup(*each))
    records = map(record, sample.attempts)
    run = decoding.run_of(*records)
    return decoding.decoded(run, names, first_ns=START_NS)


def view(options: str) -> View:
    """Return what these options of the command line show."""
    return View(parse(options.split()))


@pytest.mark.parametrize("name", SAMPLES)
def test_sample(name: str) -> None:
    """The records of a sample's events become the lines of the page."""
    sample = SAMPLES[name]
    sink = open_format("table", view(sample.options).displays[None].columns)
    assert (sink.header() + sink.rows(events(sample))).decode() == page(name)


def count_lines(options: str) -> str:
    """Return the table of the flows of the -c sample."""
    entries = [
        (
            *FLOW.unpack(FLOW.pack(raw("192.168.10.50"), raw(to), 443, 0)),
            *(connects, connects, 0, 0, 0),
        )
        for to, connects in FLOWS
    ]
    sink = open_format("table", view(options).displays[None].columns)
    return (sink.header() + sink.rows(decode_flows(entries, ()))).decode()


def test_count_sample() -> None:
    """With the page's columns only, -c prints its lines, most connects first."""
    columns = "-c --columns saddr,daddr,dport,connects"
    assert count_lines(columns) == page("c.txt")


def test_count_sample_begins_every_line() -> None:
    """OK and FAILED stand behind the page's columns."""
    lines = count_lines("-c").splitlines()
    expected = page("c.txt").splitlines()
    assert [line[: len(e)] for line, e in zip(lines, expected, strict=True)] == expected


def test_help() -> None:
    """The help is the page's, but for the name of the program, and then says more."""
    usage, arguments = page("usage.txt").split("\n\n", 1)
    usage = usage.replace("tcpconnect.py", PROG).replace("\n   ", "\n")
    begin, more = short().split("\n                  [OPTION ...]")
    assert begin == usage
    _, rest = more.split("\n\n", 1)
    assert rest.startswith(f"{arguments}\n{page('examples.txt')}\n")


def page_helps() -> dict[str, str]:
    """Return the page's help of every option, by its long name."""
    option = re.compile(
        r"^  -.*?(?P<name>--[a-z-]+)(?: [A-Z]+)?\s+(?P<words>[a-z].*)$", re.MULTILINE
    )
    return {m["name"]: m["words"] for m in option.finditer(page("usage.txt"))}


@pytest.mark.parametrize("name", page_helps())
def test_help_of_option(name: str) -> None:
    """The help of an option begins with the words of the page."""
    (actual,) = (option.help for option in OPTIONS if name in option.flags)
    words = page_helps()[name].removesuffix(".")
    assert actual[: len(words)] == words
