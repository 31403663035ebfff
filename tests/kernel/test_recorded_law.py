"""A law: filters in the kernel pass what the same filters pass of a recording."""

from __future__ import annotations

import os
import select
import socket
from contextlib import ExitStack, suppress
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.attempts import PORT, Child, rename, run_all
from tests.support.properties import steady
from tests.support.recordings import replayed, traced
from tests.support.tool import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.network import NetNs

OPEN, CLOSED, OTHER = 7000, PORT, PORT + 1
PORTS = (OPEN, CLOSED, OTHER)
ADDRESSES = ("127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.3")
SILENT, UNREACHABLE = "10.9.0.2", "203.0.113.1"
SLOW_MS = 60
USERS = {"curl": 0, "wget": 1234, "a\x1bb": 1234}
COLUMNS = "uid,pid,comm,ip,saddr,daddr,dport,netns,event"


def connect(address: str, port: int) -> None:
    """Connect, and give up when no answer comes."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as client:
        client.settimeout(0)
        with suppress(OSError):
            client.connect((address, port))
        poll = select.poll()
        poll.register(client, select.POLLOUT)
        poll.poll(SLOW_MS)


def connect_everywhere() -> None:
    """Attempt what ends in every way."""
    for address in ADDRESSES:
        for port in PORTS:
            connect(address, port)
    connect(SILENT, CLOSED)
    connect(UNREACHABLE, OPEN)


def be(name: str, uid: int) -> None:
    """Become a user, in a thread of this name."""
    rename(name.encode())
    os.setuid(uid)


@pytest.fixture
def children(netns: NetNs) -> Iterator[list[Child]]:
    """Programs of several users that connect everywhere, on demand."""
    for words in (
        "link add quiet type veth peer name deaf",
        "addr add 10.9.0.1/24 dev quiet",
        "link set deaf up",
        "link set quiet arp off up",
    ):
        netns.ip(words)
    with ExitStack() as stack:
        for family, address in ((socket.AF_INET, ""), (socket.AF_INET6, "::")):
            server = stack.enter_context(socket.socket(family))
            if family == socket.AF_INET6:
                server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            server.bind((address, OPEN))
            server.listen(1024)
        yield [
            stack.enter_context(Child(connect_everywhere, partial(be, name, uid)))
            for name, uid in USERS.items()
        ]


def words(flag: str, *values: object) -> st.SearchStrategy[list[str]]:
    """Return options of this name, with lists of these values."""
    return st.sets(st.sampled_from(values), min_size=1, max_size=3).map(
        lambda chosen: [flag, ",".join(sorted(map(str, chosen)))]
    )


def with_why(options: list[str]) -> list[str]:
    """Have attempts without a SYN traced on every kernel: --why is worth the time."""
    return [*options, "--why"]


NETWORKS = (
    *("127.0.0.0/8", "127.0.0.1", "127.0.0.2/31", "::1", "::/0", "0.0.0.0/0"),
    *("10.0.0.0/8", "203.0.113.0/24", "::ffff:127.0.0.0/104"),
)
FILTERS = [
    words("-P", *PORTS, f"{CLOSED}-{OTHER}"),
    words("--not-port", *PORTS),
    words("--to", *NETWORKS),
    words("--not-to", *NETWORKS),
    words("--from", *NETWORKS),
    words("-u", 0, 1234, 4321),
    words("--comm", *USERS, "other"),
    words("--not-comm", *USERS, "other"),
    words("--result", "OK", "ECONNREFUSED", "ABORTED", "ENETUNREACH").map(with_why),
    st.sampled_from([["-4"], ["-6"]]),
    st.sampled_from([["--failed"], ["--slower", "50"], ["--why"]]),
]
COMBINED = st.sets(st.integers(0, len(FILTERS) - 1), min_size=1, max_size=3).flatmap(
    lambda chosen: st.tuples(*(FILTERS[n] for n in sorted(chosen)))
)


@given(filters=st.lists(COMBINED, min_size=6, max_size=6))
@settings(
    steady,
    max_examples=4,
    phases=[Phase.generate],  # each case takes seconds
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_same_lines(
    filters: list[tuple[list[str], ...]],
    children: list[Child],
    netns: NetNs,
    tmp_path: Path,
) -> None:
    """One trace of everything, and one for each choice of filters, at once."""
    path = tmp_path / "all.jsonl"
    everything = ["--why", "--netns", str(netns.inode), "-o", str(path)]
    chosen = [
        ["-j", "--columns", COLUMNS, "--netns", str(netns.inode), *chain(*each)]
        for each in filters
    ]
    with traced([everything, *chosen]) as tools:
        run_all(children)
        for tool in tools:
            assert tool.stop() == 0
            assert not MISSING.search(tool.said), tool.stderr
        *expected, every = replayed(path, *chosen, ["-rj"])
        for tool, lines, options in zip(tools[1:], expected, chosen, strict=True):
            shown = tool.stdout.decode().splitlines()
            assert sorted(shown) == sorted(lines), options
    assert len(every) == len(children) * (len(ADDRESSES) * len(PORTS) + 2)
