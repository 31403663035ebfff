"""-d: no name of a local address is for the namespace that gets another's inode."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.support.attempts import PORT, Child, attempt
from tests.support.mounts import etc
from tests.support.network import NetNs
from tests.support.resolvers import look_up, serve
from tests.support.strangers import HELD, Stranger, numbers_below
from tests.support.system import CLONE_NEWNET
from tests.support.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [
    pytest.mark.usefixtures("netns"),
    pytest.mark.skipif(
        HELD, reason="before Linux 5.12 namespaces have no number of their own"
    ),
]

ADDRESS, NAME = "127.1.2.3", "mine.example"


@pytest.fixture
def space() -> NetNs:
    """A network namespace whose inode the next one can have; the test removes it."""
    with numbers_below():
        return NetNs()


def ask_dns() -> None:
    """Get the name from a server of this namespace, and connect."""
    with serve({f"{NAME}.": [ADDRESS]}):
        assert look_up(NAME) == {ADDRESS}
    attempt(ADDRESS, PORT)


def ask_libc() -> None:
    """Find it in a file of hosts, and connect."""
    assert socket.getaddrinfo(NAME, PORT)
    attempt(ADDRESS, PORT)


SOURCES = {"dns": ask_dns, "libc": ask_libc}


@pytest.mark.parametrize(("source", "ask"), SOURCES.items(), ids=SOURCES)
def test_next_namespace(
    tmp_path: Path, space: NetNs, source: str, ask: Callable[[], None]
) -> None:
    """What has the inode of a namespace that is gone has none of its names."""
    with ExitStack() as stack:
        stack.enter_context(etc(tmp_path, f"{ADDRESS} {NAME}\n"))
        tool = stack.enter_context(Tool("-P", PORT, "-dj", "--names", source))
        with Child(ask, space.enter) as child:
            child.run()
        stranger = Stranger("net", CLONE_NEWNET, space.inode)
        space.remove()
        with Child(partial(attempt, ADDRESS, PORT), stranger.enter) as child:
            child.run()
        events = tool.events(2)
    assert [event["netns"] for event in events] == [space.inode] * 2
    assert [event["query"] for event in events] == [NAME, None]


def test_next_namespace_counted(tmp_path: Path, space: NetNs) -> None:
    """So it is with -c."""
    with ExitStack() as stack:
        stack.enter_context(etc(tmp_path, f"{ADDRESS} {NAME}\n"))
        tool = stack.enter_context(Tool("-P", PORT, "-cdj"))
        with Child(lambda: socket.getaddrinfo(NAME, PORT), space.enter) as child:
            child.run()
        stranger = Stranger("net", CLONE_NEWNET, space.inode)
        space.remove()
        with Child(partial(attempt, ADDRESS, PORT), stranger.enter) as child:
            child.run()
        tool.stop()
    assert [(e["daddr"], e["query"]) for e in tool.all_events()] == [(ADDRESS, None)]
