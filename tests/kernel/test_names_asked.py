"""-d: which questions of a socket are known, and of how many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.questions import (
    IPV4,
    NAME,
    NEXT,
    SIZE,
    answer,
    start,
    udp,
)
from tests.support.resolvers import (
    LOOPBACK,
    Server,
    names_of,
    padded,
    query,
)
from tests.support.tool import told

if TYPE_CHECKING:
    from collections.abc import Callable


pytestmark = pytest.mark.usefixtures("netns")


def test_doubled_answer() -> None:
    """An answer that comes again is late: it is not read, and harms nothing."""
    asked = query(NAME)
    answers = [answer(asked), answer(asked, NEXT)]
    with (
        Server(lambda _: answers),
        start() as tool,
        udp("127.0.0.1") as client,
    ):
        client.sendto(asked, (LOOPBACK, 53))
        for _ in answers:
            assert client.recv(SIZE)
        assert names_of(tool, [IPV4, NEXT]) == [NAME, None]


def test_several_servers_asked() -> None:
    """Where one question is sent to several servers, as musl does, each counts."""
    asked = query(NAME)
    servers = {LOOPBACK: IPV4, "127.0.0.54": NEXT}
    with (
        Server(lambda wire: [answer(wire, IPV4)]),
        Server(lambda wire: [answer(wire, NEXT)], "127.0.0.54"),
        start() as tool,
        udp("") as client,
    ):
        for server in servers:
            client.sendto(asked, (server, 53))
        assert all(client.recv(SIZE) for _ in servers)
        assert names_of(tool, [*servers.values()]) == [NAME, NAME]


def test_one_question_after_the_other() -> None:
    """The same question may be asked again, with the same ID, from the same socket."""
    asked = query(NAME)
    found = iter([IPV4, NEXT])
    with (
        Server(lambda wire: [answer(wire, next(found))]),
        start() as tool,
        udp("127.0.0.1") as client,
    ):
        for _ in range(2):
            client.sendto(asked, (LOOPBACK, 53))
            assert client.recv(SIZE)
        assert names_of(tool, [IPV4, NEXT]) == [NAME, NAME]


def test_many_questions_of_one_socket() -> None:
    """A socket may have 112 questions without an answer, whatever their order."""
    asked = {f"127.1.3.{i}": query(f"n{i}.example") for i in range(112)}
    with start() as tool, udp(LOOPBACK, 53) as server, udp("127.0.0.1") as client:
        for question in asked.values():
            client.sendto(question, (LOOPBACK, 53))
        for address, question in reversed(asked.items()):
            server.sendto(answer(question, address), client.getsockname())
            assert client.recv(SIZE)
        expected = [f"n{i}.example" for i in range(112)]
        assert names_of(tool, list(asked)) == expected
        assert tool.stop() == 0
        assert told(tool, "DNS questions dropped") == 0


def test_more_questions_than_are_kept() -> None:
    """One more pushes out the oldest, which is counted."""
    asked = [query(f"n{i}.example") for i in range(113)]
    found = {IPV4: asked[0], NEXT: asked[-1]}
    with start() as tool, udp(LOOPBACK, 53) as server, udp("127.0.0.1") as client:
        for question in asked:
            client.sendto(question, (LOOPBACK, 53))
        for address, question in found.items():
            server.sendto(answer(question, address), client.getsockname())
            assert client.recv(SIZE)
        assert names_of(tool, [*found]) == [None, "n112.example"]
        assert tool.stop() == 0
        assert told(tool, "DNS questions dropped") == 1


def test_questions_of_others() -> None:
    """However many others ask, the question of a socket is not pushed out."""
    asked = query(NAME)
    flood = [query(f"n{i}.example") for i in range(2000)]
    with start() as tool, udp(LOOPBACK, 53) as server, udp("127.0.0.1") as client:
        client.sendto(asked, (LOOPBACK, 53))
        for _ in range(20):
            with udp("127.0.0.1") as other:
                for question in flood:
                    other.sendto(question, (LOOPBACK, 53))
        server.sendto(answer(asked), client.getsockname())
        assert client.recv(SIZE)
        assert names_of(tool, [IPV4]) == [NAME]


CASES = {
    "as sent": lambda wire: wire,
    "lower": lambda wire: wire.replace(b"WwW", b"www").replace(b"EXAMPLE", b"example"),
}


@pytest.mark.parametrize("change", CASES.values(), ids=CASES)
def test_random_case(change: Callable[[bytes], bytes]) -> None:
    """A name in random case comes back as it was sent, or in lower case."""
    with (
        Server(lambda wire: [answer(change(wire))]),
        start() as tool,
        udp("127.0.0.1") as client,
    ):
        client.sendto(query("WwW.EXAMPLE"), (LOOPBACK, 53))
        assert client.recv(SIZE)
        (name,) = names_of(tool, [IPV4])
        assert name is not None
        assert name.lower() == NAME


@pytest.mark.parametrize("labels", [[63, 63, 63, 61], [1] * 127, [5], [6], [7], [8]])
def test_names_of_all_lengths(labels: list[int]) -> None:
    """A name may have 255 bytes; one that differs in its last byte is another."""
    name = ".".join("a" * length for length in labels)
    other = f"{name[:-1]}b"
    asked = query(name)
    found = padded(asked, 400, NEXT)
    forged = padded(asked[:2] + query(other)[2:], 400, IPV4)
    with Server(lambda _: [forged, found]), start() as tool, udp("127.0.0.1") as client:
        client.sendto(asked, (LOOPBACK, 53))
        assert client.recv(400)
        assert client.recv(400)
        assert names_of(tool, [IPV4, NEXT]) == [None, name]
